-- modes: single stop continue
create temp table tt (i int); insert into tt values (1), (2);
create table q as select sum(i) from tt;
create temp table gone (i int) on commit drop;
create temp table emptied (i int) on commit delete rows; insert into emptied values (1);
create table n as select count(*) from emptied;
select * from gone;
discard temp;
create temp sequence ts; insert into q select nextval('ts');
select * from tt;
insert into q values (5);

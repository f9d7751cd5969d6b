-- modes: single stop continue
create table q (i int, j int); insert into q values (1, 1);
select * from q; alter table q add k int default 5; select * from q; alter table q drop i; select * from q; insert into q select * from q;
alter table q rename to r; alter table r rename j to jj; create table q (x text); insert into q values ('new;'); select * from q;
drop table q; select * from q;
insert into r values (9, 9);

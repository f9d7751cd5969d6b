-- modes: single
create table q (i int);
insert into q values (1), (2), (3);
declare c cursor for select i from q order by i for update;
fetch c;
update q set i = 10 where current of c;
move next in c; delete from q where current of c;
savepoint s;
fetch forward all from c;
declare d binary scroll cursor for select 1/(2 - i) from generate_series(1, 3) i;
fetch d;
rollback to s;
fetch backward 1 from c;

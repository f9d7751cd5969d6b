-- modes: stop continue
-- errors: 25P01@5 25P01@6 25P01@7 25P01@8
create table q (i int);
insert into q values (1);
lock table q;
declare c cursor for select 1;
savepoint s;
release s;
insert into q values (2);
set local work_mem = '1MB'; insert into q values (3);

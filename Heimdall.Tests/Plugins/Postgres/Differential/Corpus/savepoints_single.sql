-- modes: single
-- errors:
create table q (i serial, n int primary key);
insert into q (n) values (1);
savepoint a; insert into q (n) values (2); rollback to a; insert into q (n) values (3);
savepoint "b;"; savepoint "b;"; insert into q (n) values (4); rollback to savepoint "b;"; release "b;"; insert into q (n) values (5);
rollback work to a; insert into q (n) values (6); rollback transaction to savepoint a;
release savepoint a; insert into q (n) values (7);

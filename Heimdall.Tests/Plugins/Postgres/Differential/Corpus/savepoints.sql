-- modes: stop continue
create table q (i serial, n int primary key);
savepoint outside;
begin;
insert into q (n) values (1);
savepoint a;
insert into q (n) values (1);
insert into q (n) values (2);
rollback to a;
insert into q (n) values (3);
savepoint b; savepoint b; insert into q (n) values (4); rollback to savepoint b; release b; insert into q (n) values (5);
release nope;
rollback to a;
insert into q (n) values (6);
commit;
insert into q (n) values (7);

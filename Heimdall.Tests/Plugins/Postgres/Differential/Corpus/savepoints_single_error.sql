-- modes: single
-- errors: 23505@6
create table q (i serial, n int primary key);
insert into q (n) values (1);
savepoint a;
insert into q (n) values (1);
rollback to a;
insert into q (n) values (3);

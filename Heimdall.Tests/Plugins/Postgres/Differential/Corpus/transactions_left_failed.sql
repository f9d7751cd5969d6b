-- modes: stop continue
-- errors: 23505@6
create table q (i serial, n int primary key);
insert into q (n) values (1);
begin;
insert into q (n) values (1);

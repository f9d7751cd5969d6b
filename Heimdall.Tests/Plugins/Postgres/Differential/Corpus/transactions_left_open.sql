-- modes: stop continue
-- errors:
create table q (i serial, n int primary key);
insert into q (n) values (1);
begin;
insert into q (n) values (2);
select setval('q_i_seq', 100);

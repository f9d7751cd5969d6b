-- modes: stop continue
-- errors:
create table q (i serial, t text);
\set ON_ERROR_ROLLBACK on
begin;
insert into q (t) values ('a');
savepoint a\; select 1;
insert into q (t) values ('b');
rollback to a;
insert into q (t) values ('c');
commit;

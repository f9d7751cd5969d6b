-- modes: stop continue
-- errors:
create table q (i serial, t text);
\set AUTOCOMMIT off
insert into q (t) values ('a');
insert into q (t) values ('b');
commit;
insert into q (t) values ('c');
rollback;
\set AUTOCOMMIT on
insert into q (t) values ('d');
\set AUTOCOMMIT off
vacuum q;
select 1;
insert into q (t) values ('lost');

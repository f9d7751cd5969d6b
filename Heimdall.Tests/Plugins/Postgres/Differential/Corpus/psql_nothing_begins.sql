-- modes: stop continue
-- errors: 25001@6
create table q (i serial, t text);
\set AUTOCOMMIT off
;
vacuum q;
rollback;
insert into q (t) values ('a');
commit;

-- modes: stop continue
-- errors:
create table q (i serial, t text);
\set AUTOCOMMIT off
\encoding LATIN1
rollback;
insert into q (t) values (pg_client_encoding());
\encoding UTF8
\set ON_ERROR_ROLLBACK on
commit;
insert into q (t) values (pg_client_encoding())\; insert into q (t) values ('together');
rollback;
begin\; insert into q (t) values ('begun');
commit;
cluster;
insert into q (t) values ('behind');
commit;

-- modes: continue
create table q (i serial, t text);
\set ON_ERROR_ROLLBACK on
begin;
insert into q (t) values ('a');
select 1/0;
insert into q (t) values ('b');
savepoint s;
insert into q (t) values ('c');
rollback to s;
select * from nope;
insert into q (t) values ('d');
commit;
insert into q (t) values ('e');
\unset ON_ERROR_ROLLBACK
begin;
insert into q (t) values ('f');
select 1/0;
insert into q (t) values ('g');
commit;

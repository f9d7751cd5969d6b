-- modes: single stop continue
create table q (i serial, t text);
insert into q (t) values ('a');
\set a-b 1
insert into q (t) values ('b');
\set ON_ERROR_ROLLBACK nonsense
insert into q (t) values ('c');

-- modes: single stop continue
-- errors:
create table q (i serial, t text);
insert into q (t) values ('a');
\if false
\q
\endif
insert into q (t) values ('b')
\q
this is no sql ' at all

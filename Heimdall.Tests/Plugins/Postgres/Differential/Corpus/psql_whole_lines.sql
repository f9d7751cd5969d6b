-- modes: single stop continue
-- errors:
create table q (i serial, t text);
\if false
\sf f \\ \endif
insert into q (t) values ('a');
\o | cat \\ \endif
insert into q (t) values ('b');
\endif
insert into q (t) values ('c');

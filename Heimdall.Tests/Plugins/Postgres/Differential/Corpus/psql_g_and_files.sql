-- modes: single stop continue
-- errors:
-- file inner.sql: "\\g\ninsert into q (t) values ('inner');\n\\g\n"
create table q (i serial, t text);
insert into q (t) values ('outer');
\i inner.sql
\g
insert into q (t) values ('end');

-- modes: single stop continue
-- errors:
create table q (t text);
copy q from stdin;
a
b

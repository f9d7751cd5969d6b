-- modes: single stop continue
create table q (t text);
copy q from stdin;
a
\.
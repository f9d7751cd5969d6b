-- modes: single stop continue
create table q (t text);
copy q from stdin;
a\
b
a\tb
\\.
\.
insert into q values (1);
copy q from stdin;
x
\.x
\.
insert into q values (2);

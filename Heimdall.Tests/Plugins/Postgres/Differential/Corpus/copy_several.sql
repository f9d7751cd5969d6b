-- modes: single stop continue
create table a (i int); create table b (i int primary key, t text);
copy a from stdin;
1
\.
copy b from stdin;
1	x
2	y
\.
copy a from stdin;
\.
copy b from stdin;
3	z
3	again
\.
copy a from stdin;
2
\.
insert into a values (3);

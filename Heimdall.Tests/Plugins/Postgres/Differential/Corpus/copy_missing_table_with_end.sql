-- modes: single stop continue
create table q (i int);
insert into q values (1);
copy missing from stdin;
1	one
2	two
\.
insert into q values (2);
insert into q values (3);

-- modes: single stop continue
create table p (i int primary key);
create table q (i int references p deferrable initially deferred);
create table r (i int references p);
copy p from stdin;
1
\.
copy r from stdin;
1
2
\.
copy q from stdin;
1
3
\.
insert into p values (4);

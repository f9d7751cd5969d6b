-- modes: single stop continue
create table q (i int);
create view v as select * from q;
insert into q values (1);
copy v from stdin;
1
\.
insert into q values (2);
copy v from stdin;
insert into q values (3);
\.
insert into q values (4);

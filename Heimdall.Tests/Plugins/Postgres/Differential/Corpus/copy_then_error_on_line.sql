-- modes: single stop continue
create table q (i int);
copy q from stdin; select 1/0;
1
\.
insert into q values (2);

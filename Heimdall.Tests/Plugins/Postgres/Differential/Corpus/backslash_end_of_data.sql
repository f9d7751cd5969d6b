-- modes: single stop continue
create table q (i int);
insert into q values (1);
\.
insert into q values (2);

-- modes: single stop continue
-- refused single: 6
-- refused stop: 6
create table q (i int);
insert into q values (1);
\.
insert into q values (2);

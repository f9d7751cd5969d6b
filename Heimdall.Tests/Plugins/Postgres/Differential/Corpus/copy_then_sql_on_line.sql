-- modes: single stop continue
create table q (i int);
insert into q values (0);
-- what follows a COPY on its line runs after the data
copy q from stdin; insert into q values (9);
1
2
\.
insert into q values (10); copy q from stdin; copy q from stdin; insert
3
\.
4
\.
into q values (11);

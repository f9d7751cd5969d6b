-- modes: single stop continue
-- differs: the error is placed on the line after the data, where psql is still on the line that ends them
create table q (i int);
copy q from stdin; select 1/0;
1
\.
insert into q values (2);

-- modes: single stop continue
-- errors:
create table q (i int);
insert into q values (1);
\set x 1
insert into q values (2);

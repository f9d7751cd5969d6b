-- modes: single stop continue
-- errors:
create table q (i int);
insert into q values (1);
insert into q
\p
values (2);
insert into q values (3);

-- modes: single stop continue
-- errors:
create table q (i int);
insert into q values (1);
\gexec
insert into q values (2);

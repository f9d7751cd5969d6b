-- modes: single stop continue
-- refused: 5
create table q (i int);
insert into q values (1);
\! true
insert into q values (2);

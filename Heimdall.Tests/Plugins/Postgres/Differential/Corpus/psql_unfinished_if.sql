-- modes: single stop continue
-- refused: 4
create table q (i serial);
\if true
insert into q default values;

-- modes: single stop continue
-- refused: 4
create table q (i serial);
\set x `date`
insert into q default values;

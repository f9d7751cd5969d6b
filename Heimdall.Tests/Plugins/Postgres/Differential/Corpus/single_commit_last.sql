-- modes: single
-- refused: 5
create table q (i serial);
insert into q default values;
commit
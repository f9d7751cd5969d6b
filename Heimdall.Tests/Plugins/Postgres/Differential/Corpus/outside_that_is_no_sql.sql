-- modes: single
create table q (i serial);
insert into q default values;
vacuum nonsense (;

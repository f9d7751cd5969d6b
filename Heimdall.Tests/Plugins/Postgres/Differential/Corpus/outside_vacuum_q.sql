-- modes: single
create table q (i serial primary key);
insert into q default values;
vacuum q;
insert into q default values;

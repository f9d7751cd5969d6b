-- modes: single
create table q (i serial primary key);
insert into q default values;
discard all;
insert into q default values;

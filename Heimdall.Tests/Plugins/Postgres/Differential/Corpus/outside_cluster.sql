-- modes: single
create table q (i serial primary key);
insert into q default values;
cluster;
insert into q default values;

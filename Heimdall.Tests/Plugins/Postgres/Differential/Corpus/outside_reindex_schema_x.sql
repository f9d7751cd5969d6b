-- modes: single
create table q (i serial primary key);
insert into q default values;
reindex schema x;
insert into q default values;

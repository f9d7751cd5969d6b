-- modes: single
create table q (i serial primary key);
insert into q default values;
reindex database postgres;
insert into q default values;

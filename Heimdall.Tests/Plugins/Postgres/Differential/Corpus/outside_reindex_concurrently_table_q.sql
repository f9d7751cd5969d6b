-- modes: single
create table q (i serial primary key);
insert into q default values;
reindex (concurrently) table q;
insert into q default values;

-- modes: single
create table q (i serial primary key);
insert into q default values;
reindex table concurrently q;
insert into q default values;

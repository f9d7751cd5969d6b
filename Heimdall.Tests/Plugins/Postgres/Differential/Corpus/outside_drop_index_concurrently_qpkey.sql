-- modes: single
create table q (i serial primary key);
insert into q default values;
drop index concurrently q_pkey;
insert into q default values;

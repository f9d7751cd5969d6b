-- modes: single
create table q (i serial primary key);
insert into q default values;
alter table q detach partition r concurrently;
insert into q default values;

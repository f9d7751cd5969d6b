-- modes: single
create table q (i serial primary key);
insert into q default values;
create index concurrently on q (i);
insert into q default values;

-- modes: single
create table q (i serial primary key);
insert into q default values;
create unique index concurrently x on q (i);
insert into q default values;

-- modes: single
create table q (i serial primary key);
insert into q default values;
alter system set work_mem = '4MB';
insert into q default values;

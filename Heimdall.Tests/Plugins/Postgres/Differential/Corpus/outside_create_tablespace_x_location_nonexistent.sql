-- modes: single
create table q (i serial primary key);
insert into q default values;
create tablespace x location '/nonexistent';
insert into q default values;

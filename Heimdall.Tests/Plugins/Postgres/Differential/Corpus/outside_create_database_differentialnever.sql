-- modes: single
create table q (i serial primary key);
insert into q default values;
create database differential_never;
insert into q default values;

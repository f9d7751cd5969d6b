-- modes: single stop
create table q (i serial);
insert into q default values;
select pg_terminate_backend(pg_backend_pid());
insert into q default values;

-- modes: single stop continue
-- errors: 57014@5
create table q (i serial);
insert into q default values;
select pg_cancel_backend(pg_backend_pid()), pg_sleep(1);
insert into q default values;

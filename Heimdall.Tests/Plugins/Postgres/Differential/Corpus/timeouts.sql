-- modes: single stop continue
-- errors: 57014@6
create table q (i serial);
insert into q default values;
set statement_timeout = '20ms'; set lock_timeout = '1s';
select pg_sleep(5);
insert into q default values; set statement_timeout = 0;
insert into q default values;

-- modes: single stop continue
create table times (t timestamptz default now() unique);
insert into times default values; select pg_sleep(0.002);
insert into times default values; select pg_sleep(0.002);
insert into times default values;
create table q as select count(distinct t) from times;
truncate times;

-- modes: stop continue
create table times (t timestamptz default now() unique, x xid8 default pg_current_xact_id());
begin; insert into times default values; select pg_sleep(0.002); insert into times default values; commit;
insert into times default values; select pg_sleep(0.002); insert into times default values;
create table q as select count(distinct t), count(distinct x) from times;
truncate times;

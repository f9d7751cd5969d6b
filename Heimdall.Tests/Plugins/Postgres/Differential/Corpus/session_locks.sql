-- modes: single stop continue
create table q (i int);
select pg_advisory_lock(1), pg_try_advisory_lock(2), pg_advisory_xact_lock(3);
insert into q select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and objid <> 3;
select pg_advisory_unlock(1); select pg_advisory_unlock(9);
insert into q select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and objid <> 3;
select pg_advisory_unlock_all();
lock table q in exclusive mode;
insert into q values (7);

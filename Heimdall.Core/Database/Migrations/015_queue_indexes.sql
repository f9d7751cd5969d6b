-- The waiting jobs of each caller on each cluster by each command, in the order in which they are taken. Those that wait
-- for a time (retry_at) stand behind all that do not, so that none of them is read to find one that may start. With all
-- that a claim looks at, so that it reads no row that it does not take.
create index concurrently if not exists job_line
    on job ("user", cluster_id, command_id, retry_at nulls first, priority desc, id) include (start_before, started_at)
    where status = 'ACCEPTED';
create index concurrently if not exists job_due on job (retry_at) where status = 'ACCEPTED' and retry_at is not null;
-- Without the lease: a renewal must change no index.
create index concurrently if not exists job_running on job (cluster_id, command_id)
    where status in ('NEW', 'RUNNING', 'CANCELING');
drop index concurrently if exists job_open;
drop index concurrently if exists job_queued_by_user;

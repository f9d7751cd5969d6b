-- A job's row is its place in the queue: workers claim rows, and Hangfire's own queue holds no jobs of ours any more.
alter table job add column priority smallint not null default 0; -- -100 to 100; within a caller the higher one comes first

-- The waiting jobs of each caller on each cluster by each command, in the order in which they are taken. Those that wait for a time (retry_at)
-- stand behind all that do not, so that none of them is read to find one that may start.
create index job_line on job ("user", cluster_id, command_id, retry_at nulls first, priority desc, id) where status = 'ACCEPTED';
create index job_due on job (retry_at) where status = 'ACCEPTED' and retry_at is not null;
-- Without the lease: a renewal must change no index.
create index job_running on job (cluster_id, command_id) where status in ('NEW', 'RUNNING', 'CANCELING');
drop index job_open, job_queued_by_user;

-- Jobs that ended without having been claimed, and that Hangfire still shows as waiting.
create table queue_unshown (job_id uuid primary key references job on delete cascade);

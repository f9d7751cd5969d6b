-- A job's row is its place in the queue: workers claim rows, and Hangfire's own queue holds no jobs of ours any more.
alter table job add column priority smallint not null default 0; -- -100 to 100; within a caller the higher one comes first

-- Jobs that ended without having been claimed, and that Hangfire still shows as waiting.
create table queue_unshown (job_id uuid primary key references job on delete cascade);

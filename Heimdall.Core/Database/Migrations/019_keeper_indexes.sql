create index concurrently if not exists schedule_next on schedule (next_at) where removed_at is null;
create index concurrently if not exists schedule_paused on schedule (paused_until)
    where removed_at is null and paused_until is not null;
create index concurrently if not exists schedule_run_age on schedule_run (planned_at) where outcome <> 'WAITING';
-- Each look for dead runners asks for the longest.
create index concurrently if not exists worker_lease on worker (lease);

-- What a job was submitted to start after: [{"id": id, "on": "succeeded" | "failed" | "ended"}].
alter table job add column after jsonb;

-- Of a job that waits, the jobs that it still waits for. Until there are none, its retry_at is infinity.
create table job_predecessor (
    job_id         uuid not null references job on delete cascade,
    predecessor_id uuid not null,
    wanted         text not null check (wanted in ('succeeded', 'failed', 'ended')),
    ended_as       text, -- the status in which it has ended; null while it is open
    primary key (job_id, predecessor_id)
);
create index job_predecessor_open on job_predecessor (predecessor_id) where ended_as is null;
create index job_predecessor_ended on job_predecessor (job_id) where ended_as is not null;

-- A trigger, because jobs end in many statements: none of them can forget those that wait for its jobs. It writes only
-- rows that name the job that ends, so that two ends never wait for each other.
create function announce_end_of_predecessor() returns trigger language plpgsql set search_path from current as $$
begin
    update job_predecessor set ended_as = new.status where predecessor_id = new.id and ended_as is null;
    if found then
        perform pg_notify('heimdall_predecessor', '');
    end if;
    return null;
end $$;
create trigger job_has_ended after update of status on job for each row
    when (old.finished_at is null and new.finished_at is not null)
    execute function announce_end_of_predecessor();

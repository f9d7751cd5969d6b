-- The secret parameters of a job, encrypted by the process that took it in. They go in the statement that ends the job,
-- whoever writes it: processes of older versions end jobs too.
alter table job add column secrets text;

create function forget_secrets() returns trigger language plpgsql as $$
begin
    new.secrets := null;
    return new;
end $$;

create trigger job_secrets_end before update on job for each row
    when (new.secrets is not null and new.status in ('SUCCEEDED', 'FAILED', 'CANCELED', 'KILLED'))
    execute function forget_secrets();

-- Those of a schedule, for its jobs. They are there as long as the schedule says so.
alter table schedule add column secrets text;

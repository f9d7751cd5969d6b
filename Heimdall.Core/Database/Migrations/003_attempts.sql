-- How each attempt ended, in its own record.
alter table job_attempt
    add column error    text,
    add column sqlstate text,
    add column detail   text; -- what there is to say of its end beside the error: one sentence or two for a person

-- Whether a job of the command that has failed is tried again.
alter table command
    add column max_attempts integer not null default 1 check (max_attempts > 0),
    add column idempotent   boolean not null default false;

alter table job
    add column retry_at       timestamptz, -- one that has failed and waits to be tried again does so until then
    add column retry_of       uuid,        -- the job that it runs again
    add column from_statement bigint,      -- the statement of its script that it begins with; null: the first
    add column script_sha256  text,        -- what that script must be, or its statements are not those that were counted
    add column resume_from    bigint;      -- of a batch that commits as it goes: the first statement that is not known to be done

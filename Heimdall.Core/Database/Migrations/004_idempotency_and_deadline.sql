-- Keys under which callers have submitted: a second call with the same one makes no second job.
create table idempotency_key (
    "user"      text not null,
    key         text not null,
    fingerprint bytea not null,  -- SHA-256 of the body
    job_ids     uuid[] not null, -- what the call made, in the order of its body
    created_at  timestamptz not null default now(),
    primary key ("user", key)
);

create index idempotency_key_age on idempotency_key (created_at);

alter table job add column start_before timestamptz; -- one that has not been started by then never is

create index job_start_deadline on job (start_before) where status = 'ACCEPTED' and start_before is not null;

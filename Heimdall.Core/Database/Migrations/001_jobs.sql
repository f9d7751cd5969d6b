-- Commands and clusters: seeded from the configuration file, edited by PUT. A cluster's context (how to reach it,
-- with its secrets) is never stored here; it stays in the configuration file of each process.
create table command (
    id              text primary key,
    name            text not null,
    version         text not null,
    description     text not null,
    status          text not null check (status in ('ACTIVE', 'INACTIVE')),
    plugin          text not null,
    tags            text[] not null,
    cluster_tags    text[] not null,
    allowed_callers text[] not null,
    context         json not null,
    seed            text not null, -- what the file said when it last seeded this row: an edit lives until the file changes
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now()
);

create table cluster (
    id          text primary key,
    name        text not null,
    version     text not null,
    description text not null,
    status      text not null check (status in ('ACTIVE', 'INACTIVE')),
    tags        text[] not null,
    weight      integer not null check (weight > 0),
    seed        text not null,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);

create table job (
    id               uuid primary key,
    name             text not null,
    version          text not null,
    description      text not null,
    tags             text[] not null,
    "user"           text not null,
    status           text not null check (status in ('NEW', 'ACCEPTED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELING', 'CANCELED', 'KILLED')),
    is_sync          boolean not null,
    return_result    boolean not null,
    command_id       text not null,
    command_name     text not null,
    cluster_id       text not null,
    cluster_name     text not null,
    command_criteria text[] not null,
    cluster_criteria text[] not null,
    context          json not null, -- json, not jsonb: a caller gets back what was sent, to the letter
    created_at       timestamptz not null default now(),
    started_at       timestamptz,
    finished_at      timestamptz,
    updated_at       timestamptz not null default now(),
    attempt          integer not null default 0,
    worker           text,        -- who runs it: host name and process id
    lease_until      timestamptz, -- a runner that has not renewed it by then is taken for dead
    canceled_by      text,
    error            text,
    error_kind       text,
    errors           json,
    statements       bigint,
    statements_total bigint,
    bytes_read       bigint,
    bytes_total      bigint,
    rows_affected    bigint,
    row_count        bigint,
    truncated        boolean,
    sha256           text,
    queue_id         text         -- Hangfire's id of the job; null for inline runs
);

create index job_newest on job (created_at desc, id desc);
create index job_updated on job (updated_at desc, id desc);
create index job_by_user on job ("user", created_at desc, id desc);
create index job_by_status on job (status, created_at desc, id desc);
create index job_by_tag on job using gin (tags);
-- The open jobs are few however long the history is: leases, limits and the janitor look only here.
create index job_open on job (status, lease_until) where status in ('NEW', 'ACCEPTED', 'RUNNING', 'CANCELING');
create index job_queued_by_user on job ("user") where status = 'ACCEPTED';

create table job_attempt (
    job_id      uuid not null references job on delete cascade,
    attempt     integer not null,
    worker      text not null,
    started_at  timestamptz not null default now(),
    finished_at timestamptz,
    outcome     text,
    evidence    text, -- what the plugin needs to find out, after a crash, whether this attempt took effect
    primary key (job_id, attempt)
);

-- The run log. One row is a piece of it, as much as the runner had at hand when it wrote.
create table job_log (
    id      bigint generated always as identity primary key,
    job_id  uuid not null references job on delete cascade,
    stream  text not null check (stream in ('stdout', 'stderr')),
    lines   text not null
);

create index job_log_of_job on job_log (job_id, stream, id);

create table job_result (
    job_id     uuid primary key references job on delete cascade,
    columns    json not null,
    row_count  bigint,
    truncated  boolean not null default false,
    complete   boolean not null default false,
    attempt    integer not null,
    expires_at timestamptz, -- null until the job has ended
    dropped    boolean not null default false -- its time is over and its data is gone
);

create index job_result_expiry on job_result (expires_at) where not dropped;

create table job_result_chunk (
    job_id  uuid not null references job_result on delete cascade,
    seq     integer not null,
    data    bytea not null,
    primary key (job_id, seq)
);

alter table job_result_chunk alter column data set storage external; -- compressed by the writer, not by the server

-- Keys that sign the dashboard's forms, shared by all API processes.
create table dashboard_key (
    name       text primary key,
    xml        text not null,
    created_at timestamptz not null default now()
);

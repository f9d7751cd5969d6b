-- Jobs that are made by the clock: seeded from the configuration file, or made by PUT.
create table schedule (
    id               text primary key,
    name             text not null,
    description      text not null,
    cron             text not null,
    timezone         text not null,
    misfire          text not null check (misfire in ('skip', 'once', 'all')),
    max_lateness     interval,
    overlap          text not null check (overlap in ('allow', 'skip', 'queue', 'replace')),
    starts_at        timestamptz,
    ends_at          timestamptz,
    "user"           text not null,
    version          text not null,
    tags             text[] not null,
    command_criteria text[] not null,
    cluster_criteria text[] not null,
    context          json not null,
    decided_until    timestamptz not null, -- what becomes of every occurrence up to here is recorded: none is fired twice, none forgotten
    next_at          timestamptz, -- the first occurrence after that; null: none, or paused
    paused_at        timestamptz,
    paused_by        text,
    pause_reason     text,
    paused_until     timestamptz,
    seed             text, -- what the file said when it last seeded this row; null: made by PUT
    revision         bigint not null default 1,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now()
);

-- What became of each occurrence, and of each time that somebody asked for a run.
create table schedule_run (
    id           uuid primary key,
    schedule     text not null references schedule on delete cascade,
    planned_at   timestamptz not null,
    outcome      text not null check (outcome in ('FIRED', 'WAITING', 'SKIPPED', 'REFUSED')),
    reason       text,                 -- why not, or what it waits for
    job_id       uuid,
    triggered_by text,                 -- null: the clock
    decided_at   timestamptz not null
);

create unique index schedule_run_once on schedule_run (schedule, planned_at) where triggered_by is null;
create index schedule_run_newest on schedule_run (schedule, planned_at desc, id desc);
create index schedule_run_waiting on schedule_run (schedule, planned_at) where outcome = 'WAITING';

alter table job
    add column schedule   text,        -- id of the schedule that made it
    add column planned_at timestamptz; -- when it was to be made

-- Of jobs that no schedule made, neither costs anything.
create index job_by_schedule on job (schedule, created_at desc, id desc) where schedule is not null;
create index job_open_of_schedule on job (schedule) where schedule is not null and status in ('NEW', 'ACCEPTED', 'RUNNING', 'CANCELING');

-- How many jobs run at once, over all workers; null: as many as there are slots.
alter table cluster
    add column max_concurrency integer check (max_concurrency > 0);
alter table command
    add column max_concurrency integer check (max_concurrency > 0),
    add column max_priority    integer check (max_priority between -100 and 100); -- null: any

-- What takes no more jobs out of the queue until it is resumed. Jobs are still taken in.
create table pause (
    scope     text not null check (scope in ('queue', 'cluster', 'command')),
    target    text not null, -- id of the cluster or command; empty for the queue
    reason    text,
    until     timestamptz,   -- null: until somebody resumes it
    paused_by text not null,
    paused_at timestamptz not null default now(),
    primary key (scope, target)
);

-- The workers that have been heard of lately, and what each can run.
create table worker (
    id          uuid primary key, -- of the process, this time that it runs
    name        text not null,    -- host name and process id
    clusters    text[] not null,
    commands    text[] not null,
    concurrency integer not null,
    seen_at     timestamptz not null default now()
);

-- When the job may start, as its caller has asked; retry_at holds the job back until then.
alter table job add column start_after timestamptz;

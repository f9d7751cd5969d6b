-- The hooks that are notified when a job ends: [{"hook": id, "on": [status]}], without "on" of every end. Null: none.
alter table job add column on_end jsonb;
alter table command add column on_end jsonb;
alter table schedule add column on_end jsonb;

-- Messages to hooks: what happened, and how far its delivery is. They outlive their jobs.
create table hook_delivery (
    id          uuid primary key, -- of a job's end it follows from the job and the hook: written again, it is the same
    hook        text not null,
    event       text not null,
    subject     text not null, -- what it is about, such as job/ID
    job_id      uuid,
    data        jsonb not null,
    status      text not null default 'PENDING' check (status in ('PENDING', 'DELIVERED', 'DEAD')),
    attempts    integer not null default 0, -- begun; whoever ends one names its number
    tries       jsonb not null default '[]', -- how the last of them ended
    created_at  timestamptz not null default now(),
    next_at     timestamptz not null default now(), -- when it is tried next; of one that is being tried, when it is taken to be lost
    give_up_at  timestamptz, -- null: not tried yet
    finished_at timestamptz
);
create index hook_delivery_due on hook_delivery (hook, next_at) where status = 'PENDING';
create index hook_delivery_newest on hook_delivery (created_at desc, id desc);
create index hook_delivery_of_hook on hook_delivery (hook, created_at desc, id desc);
create index hook_delivery_of_job on hook_delivery (job_id) where job_id is not null;
create index hook_delivery_age on hook_delivery (finished_at) where finished_at is not null;

-- What holds now and was notified of when it began: a late schedule, a cluster that is down, a slow queue.
create table hook_state (
    event    text not null,
    subject  text not null,
    since    timestamptz not null default now(),
    primary key (event, subject)
);

-- A trigger, because jobs end in many statements: none of them can forget the messages, and the message and the end are
-- one transaction. Of jobs without hooks it is not called. It must not fail: the job could not end.
create function queue_hooks_of_end() returns trigger language plpgsql set search_path from current as $$
begin
    insert into hook_delivery (id, hook, event, subject, job_id, data)
    select encode(substr(sha256(convert_to(new.id::text || '/' || hook, 'UTF8')), 1, 16), 'hex')::uuid, hook, 'job.ended',
        'job/' || new.id::text, new.id, jsonb_strip_nulls(jsonb_build_object(
            'id', new.id, 'name', new.name, 'version', nullif(new.version, ''), 'status', new.status,
            'error', left(new.error, 2000), 'sqlstate', new.errors -> 0 ->> 'sql_state', 'user', new."user",
            'tags', to_jsonb(new.tags), 'command_id', new.command_id, 'command_name', new.command_name,
            'cluster_id', new.cluster_id, 'cluster_name', new.cluster_name, 'schedule', new.schedule,
            'created_at', utc_text(new.created_at), 'started_at', utc_text(new.started_at),
            'finished_at', utc_text(new.finished_at), 'statements', new.statements,
            'rows_affected', new.rows_affected, 'row_count', new.row_count, 'canceled_by', new.canceled_by,
            'attempt', nullif(new.attempt, 0), 'retry_of', new.retry_of))
    from (
        select distinct entry ->> 'hook' as hook
        from jsonb_array_elements(case jsonb_typeof(new.on_end) when 'array' then new.on_end else '[]' end) entry
        where jsonb_typeof(entry) = 'object'
            and (not entry ? 'on' or entry -> 'on' @> to_jsonb(new.status))) told
    where hook is not null
    on conflict (id) do nothing;
    if found then
        perform pg_notify('heimdall_hook', '');
    end if;
    return null;
end $$;

-- A time as in RFC 3339.
create function utc_text(moment timestamptz) returns text language sql stable as $$
    select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

create trigger job_tells_hooks after update of status on job for each row
    when (old.finished_at is null and new.finished_at is not null and new.on_end is not null)
    execute function queue_hooks_of_end();

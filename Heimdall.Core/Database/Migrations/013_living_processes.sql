-- All processes, APIs too, which can run no job. Null: the process is of a version that does not write it.
alter table worker
    add column file_clusters  text[], -- what its file has, whether it may run jobs there or not
    add column file_commands  text[],
    add column file_schedules text[],
    add column lease          interval,
    add column settings       jsonb,  -- what should be the same in the files of all, as text by name
    add column started_at     timestamptz not null default now(),
    add column gone_at        timestamptz; -- when it stopped; its row stays for minutes, since it may start again

-- Versions before this one delete their row as they stop.
create function keep_worker() returns trigger language plpgsql set search_path from current as $$
begin
    if old.gone_at is not null or old.seen_at < now() - interval '1 day' then
        return old;
    end if;
    update worker set gone_at = now() where id = old.id;
    return null;
end
$$;
create trigger keep before delete on worker for each row execute function keep_worker();

-- How long the files of processes have history kept. What a file said counts for 30 days: the history that it keeps
-- must not go while its process is restarted.
create table file_retention (
    id       text        primary key, -- a hash of what it says
    kept     jsonb       not null,    -- in seconds by name; null is for ever
    commands jsonb       not null,    -- the same of the jobs of single commands, by their ids
    said_at  timestamptz not null default now()
);

-- What every process of this store must have the same.
create table shared_setting (
    name  text primary key,
    value text not null
);

-- Which seed "file_definition" belongs to. A version before it writes another seed without what its file says.
alter table command add column definition_seed text;
alter table cluster add column definition_seed text;

-- What is written without another revision is what a file says, or a status, or that the row has left all files:
-- versions before 036 write that too. Only the status is taken, and only where no file says it.
create function keep_put_command() returns trigger language plpgsql as $$
begin
    if (new.seed, new.file_seed, new.file_status) is distinct from (old.seed, old.file_seed, old.file_status) then
        new.status := old.status;
    end if;
    new.name := old.name;
    new.version := old.version;
    new.description := old.description;
    new.plugin := old.plugin;
    new.tags := old.tags;
    new.cluster_tags := old.cluster_tags;
    new.allowed_callers := old.allowed_callers;
    new.context := old.context;
    new.max_attempts := old.max_attempts;
    new.idempotent := old.idempotent;
    new.max_concurrency := old.max_concurrency;
    new.max_priority := old.max_priority;
    new.on_end := old.on_end;
    new.approval := old.approval;
    new.retention := new.put_retention;
    new.removed_at := old.removed_at;
    if new.status = old.status then
        new.updated_at := old.updated_at;
    end if;
    return new;
end $$;
create trigger keep_put before update on command for each row
    when (old.put_at is not null and new.put_at is not null and new.revision = old.revision)
    execute function keep_put_command();

create function keep_put_cluster() returns trigger language plpgsql as $$
begin
    if (new.seed, new.file_seed, new.file_status) is distinct from (old.seed, old.file_seed, old.file_status) then
        new.status := old.status;
    end if;
    new.name := old.name;
    new.version := old.version;
    new.description := old.description;
    new.tags := old.tags;
    new.weight := old.weight;
    new.max_concurrency := old.max_concurrency;
    new.removed_at := old.removed_at;
    if new.status = old.status then
        new.updated_at := old.updated_at;
    end if;
    return new;
end $$;
create trigger keep_put before update on cluster for each row
    when (old.put_at is not null and new.put_at is not null and new.revision = old.revision)
    execute function keep_put_cluster();

-- The secrets of a schedule are there as long as its context says so: an older version puts another one without them.
create function forget_schedule_secrets() returns trigger language plpgsql as $$
begin
    new.secrets := null;
    return new;
end $$;

create trigger schedule_secrets_end before update on schedule for each row
    when (old.secrets is not null and new.secrets is not distinct from old.secrets
        and new.context::text is distinct from old.context::text
        and new.context::text !~ '"secret": ?true')
    execute function forget_schedule_secrets();

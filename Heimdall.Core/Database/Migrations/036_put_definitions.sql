-- Commands and clusters that were put over REST. Such a definition holds until it is deleted, whatever files say.
alter table command
    add column put_at          timestamptz, -- null: the definition is that of a file
    add column put_by          text,
    add column put_retention   jsonb,       -- the definition's own, instead of the longest of all files
    add column revision        bigint not null default 0, -- counts the changes that people made
    add column file_definition json;        -- what the file last said, for when the other is deleted

alter table cluster
    add column put_at          timestamptz,
    add column put_by          text,
    add column context         text,        -- how to reach it, encrypted; null: in each process's file
    add column max_inline      integer,
    add column revision        bigint not null default 0,
    add column file_definition json;

-- What is written without another revision is what a file says, or a status, or that the row has left all files:
-- versions before this one write that too. Only the status is taken, and only where no file says it.
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

-- As in the table of commands.
alter table cluster
    add column removed_at  timestamptz,
    add column file_status text,
    add column file_seed   text;

create function keep_cluster() returns trigger language plpgsql as $$
begin
    if old.removed_at < now() - interval '30 days' then
        return old;
    end if;
    return null;
end
$$;
create trigger keep before delete on cluster for each row execute function keep_cluster();

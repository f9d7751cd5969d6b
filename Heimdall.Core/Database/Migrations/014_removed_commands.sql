alter table command
    -- How long ended jobs of the command are kept, in seconds by status: {"SUCCEEDED": 86400, "FAILED": null}. Null is
    -- for ever. What is not named is kept as the configuration says for all jobs. It is the longest time of all rows of
    -- "file_retention".
    add column retention   jsonb,
    -- When the last living process whose file has the row was gone; null: some process has it. The row can come back.
    add column removed_at  timestamptz,
    -- The status that the file gave when it last seeded the row. One that people have set since then stays until the
    -- file gives another one. Versions before this one write only "status" and "seed".
    add column file_status text,
    -- The seed that came with "file_status".
    add column file_seed   text;

-- Versions before this one delete at their start what their own file lacks, although other processes have it. A row goes
-- 30 days after it has left all files. One that says how long jobs are kept stays for as long as there are such jobs:
-- without it they would be kept as all others, and "for ever" would end.
create function keep_command() returns trigger language plpgsql set search_path from current as $$
begin
    if old.removed_at < now() - interval '30 days' and (
        old.retention is null
        or not exists (select from job where command_id = old.id and finished_at is not null))
    then
        return old;
    end if;
    return null;
end
$$;
create trigger keep before delete on command for each row execute function keep_command();

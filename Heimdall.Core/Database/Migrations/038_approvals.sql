-- Of a command whose jobs wait for an approval: {"expires": seconds, "approvers": [pattern of callers]}. Null: none wait.
alter table command add column approval jsonb;

alter table job
    add column approval       jsonb,       -- of a job that waits so, or has: who asked for it, and the hashes of what it runs
    add column approve_by     timestamptz, -- while it waits: nobody can approve it afterwards
    add column decided_by     text,        -- who approved or refused it
    add column decided_at     timestamptz,
    add column knows_approval boolean;     -- whether the version that wrote it looks whether its command asks for one

-- A version before this one knows no approvals, and its job would run without. Such a job ends at once, saying so. It is
-- called for no job of this version. An inline query would run whatever becomes of its record: it has none.
create function end_unapproved() returns trigger language plpgsql set search_path from current as $$
begin
    if not exists (select from command where id = new.command_id and approval is not null) then
        return null;
    end if;
    if new.is_sync then
        raise exception 'The command % asks for an approval, of which this version of Heimdall knows nothing.',
            new.command_id using errcode = 'check_violation';
    end if;
    update job set status = 'CANCELED', finished_at = now(), updated_at = now(), error_kind = 'Refused',
        error = 'Its command asks for an approval, of which the version of Heimdall that took it knows nothing. It never ran.'
    where id = new.id and status = 'ACCEPTED';
    insert into queue_unshown select id from job where id = new.id and finished_at is not null on conflict do nothing;
    return null;
end $$;
create trigger job_is_unapproved after insert on job for each row
    when (new.knows_approval is null and new.finished_at is null and new.fan_out is null)
    execute function end_unapproved();

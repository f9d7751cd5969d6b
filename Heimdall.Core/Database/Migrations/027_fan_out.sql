-- A job with "target: all" is a parent, with a child for each cluster. Its own row is RUNNING from its submission on
-- and is never claimed. Versions before this one take it for an inline query (is_sync) of a process that lives (its
-- lease never ends), and let it be. It is on no cluster: its cluster_id is empty.
alter table job
    add column parent_id uuid,  -- of a child
    add column fan_out   jsonb; -- of a parent: what its caller has asked for, and how its children have ended

-- Of a schedule whose jobs are parents. Its expression begins with "all: " then, which versions before this one cannot
-- read: they leave it to others.
alter table schedule add column fan_out json;

-- Children that have ended, and whose parents do not know it yet.
create table child_end (
    job_id    uuid primary key references job on delete cascade,
    parent_id uuid not null
);
create index child_end_by_parent on child_end (parent_id);

-- A trigger, because jobs end in many statements. It writes only rows that name the job that ends, so that two ends
-- never wait for each other. A child that waits for its turn has its parent as a predecessor.
create function announce_end_of_child() returns trigger language plpgsql set search_path from current as $$
begin
    insert into child_end (job_id, parent_id) values (new.id, new.parent_id) on conflict do nothing;
    delete from job_predecessor where job_id = new.id and predecessor_id = new.parent_id;
    perform pg_notify('heimdall_predecessor', '');
    return null;
end $$;
create trigger child_has_ended after update of status on job for each row
    when (old.finished_at is null and new.finished_at is not null and new.parent_id is not null)
    execute function announce_end_of_child();

-- Two changes, so that no job is kept from its end. The SQLSTATE is looked for in the text of the errors: "->" reads
-- every escape of the document, and raises where the store's encoding has no such character. And the messages are
-- written with the rights of the table's owner: a login that may end jobs needs none of its own on hook_delivery.
create or replace function queue_hooks_of_end() returns trigger language plpgsql security definer
set search_path from current as $$
begin
    insert into hook_delivery (id, hook, event, subject, job_id, data)
    select encode(substr(sha256(convert_to(new.id::text || '/' || hook, 'UTF8')), 1, 16), 'hex')::uuid, hook, 'job.ended',
        'job/' || new.id::text, new.id, jsonb_strip_nulls(jsonb_build_object(
            'id', new.id, 'name', new.name, 'version', nullif(new.version, ''), 'status', new.status,
            'error', left(new.error, 2000),
            'sqlstate', substring(new.errors::text from '"sql_state": *"([0-9A-Z]{5})"'), 'user', new."user",
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

-- Temporary tables of the caller come last: the function has more rights than they have.
do $$
begin
    execute format('alter function queue_hooks_of_end() set search_path = %I, pg_temp', current_schema());
end $$;

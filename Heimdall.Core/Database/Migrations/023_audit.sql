-- Who did what, and who was refused. Rows are added, and deleted only when they are old; nothing changes one.
-- Where Heimdall's login does not own this table, it needs:
--   grant select, insert on audit to LOGIN;
-- and, for what deletes old rows, grant delete on audit to LOGIN.
create table audit (
    id               bigint generated always as identity primary key,
    at               timestamptz not null default clock_timestamp(),
    "user"           text,          -- null: nobody whom the server knows
    authenticated_by text,
    address          text,
    action           text not null, -- method and route
    target           text not null, -- what it was about; may be empty
    outcome          text not null, -- DONE, REFUSED or FAILED
    status           integer        -- of the answer; null where the change was written before there was one
);
create index audit_newest on audit (at, id);
create index audit_by_user on audit ("user", at, id);
create index audit_by_target on audit (target, at, id);

create function keep_audit() returns trigger language plpgsql as $$
begin
    raise exception 'the audit is not changed' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_is_kept before update or truncate on audit for each statement execute function keep_audit();
create trigger audit_is_kept_for_a_while before delete on audit for each row
    when (old.at > now() - interval '1 day') execute function keep_audit();

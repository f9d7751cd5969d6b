-- Browsers that are signed in. A cookie has the key of its session, and here is only what that key is known by.
create table browser_session (
    id           uuid primary key,
    key_hash     bytea not null unique,
    "user"       text not null,
    ticket       bytea not null,
    address      text,
    signed_in_at timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    ends_at      timestamptz not null
);

create index browser_session_of_user on browser_session ("user", signed_in_at);
create index browser_session_by_end on browser_session (ends_at);

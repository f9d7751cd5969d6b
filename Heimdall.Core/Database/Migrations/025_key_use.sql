-- When each API key was last used. A key is known by a hash of what is configured of it.
create table api_key_use (
    key          text primary key,
    "user"       text not null,
    last_used_at timestamptz not null,
    address      text
);

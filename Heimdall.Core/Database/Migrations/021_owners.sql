-- Who last said what a schedule runs, and where that user might run jobs then: its commands must allow them too.
alter table schedule
    add column edited_by text, -- null: the configuration file, or a version before this
    add column scopes    json; -- [{"command_tags": [tag], "cluster_tags": [tag]}]; null: everywhere

-- Whose the scripts are that callers have put. One that is not here belongs to operators.
create table script (
    path       text collate "C" primary key, -- below sql_directory, as a list shows it
    owner      text not null,
    created_at timestamptz not null default now()
);
create index script_by_owner on script (owner, path);

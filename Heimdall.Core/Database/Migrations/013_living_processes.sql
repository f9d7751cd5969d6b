-- All processes, APIs too, which can run no job. Null: the process is of a version that does not write it.
alter table worker
    add column file_clusters  text[], -- what its file has, whether it may run jobs there or not
    add column file_commands  text[],
    add column file_schedules text[],
    add column lease          interval,
    add column retention      jsonb,  -- how long it would keep what, in seconds by name; null is for ever
    add column settings       jsonb;  -- what should be the same in the files of all, as text by name

-- What every process of this store must have the same.
create table shared_setting (
    name  text primary key,
    value text not null
);

-- Commands and clusters that were put over REST. Such a definition holds until it is deleted, whatever files say.
alter table command
    add column put_at          timestamptz, -- null: the definition is that of a file
    add column put_by          text,
    add column put_retention   jsonb,       -- the definition's own, instead of the longest of all files
    add column revision        bigint not null default 0, -- counts the changes that people made
    add column file_definition json;        -- what the file last said, for when the other is deleted

alter table cluster
    add column put_at          timestamptz,
    add column put_by          text,
    add column context         text,        -- how to reach it, encrypted; null: in each process's file
    add column max_inline      integer,
    add column revision        bigint not null default 0,
    add column file_definition json;

-- The hooks that a process's file has. Null: the process is of a version that sends none.
alter table worker add column file_hooks text[];

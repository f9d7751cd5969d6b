-- The children of each parent. Of other jobs it costs nothing.
create index concurrently if not exists job_by_parent on job (parent_id, id) where parent_id is not null;

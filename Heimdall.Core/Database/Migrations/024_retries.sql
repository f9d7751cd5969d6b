-- The jobs that run one again. Of jobs that run none again it costs nothing.
create index concurrently if not exists job_by_retry on job (retry_of) where retry_of is not null;

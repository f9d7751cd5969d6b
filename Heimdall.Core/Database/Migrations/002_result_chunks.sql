-- Chunks are compressed in another way, belong to an attempt, and know which rows they hold. What earlier builds stored is dropped.
drop table job_result_chunk;

delete from job_result where not complete;
update job_result set dropped = true, expires_at = least(expires_at, now());

alter table job_result add column directory text; -- where its chunks are files; null: they are in job_result_chunk

-- Results that are being written, or that nobody will complete any more: few at any time.
create index job_result_unfinished on job_result (job_id) where not complete;

create table job_result_chunk (
    job_id    uuid not null references job_result on delete cascade,
    attempt   integer not null, -- one that has lost its job may still write; only those of job_result's attempt are read
    first_row bigint not null,  -- counted from 0 over the whole result
    row_count integer not null check (row_count > 0),
    data      bytea not null,
    primary key (job_id, attempt, first_row)
);

alter table job_result_chunk alter column data set storage external; -- compressed by the writer, not by the server

-- An inline query is inserted as running and soon updated as ended. The indexes behind the lists hold only what has ended, so that each of
-- its two writes is paid for once; what waits has an index of its own, and what runs is few.
drop index job_newest, job_updated, job_by_user, job_by_status, job_by_tag;

create index job_ended on job (created_at desc, id desc) where finished_at is not null;
create index job_ended_updated on job (updated_at desc, id desc) where finished_at is not null;
create index job_ended_by_user on job ("user", created_at desc, id desc) where finished_at is not null;
create index job_ended_by_status on job (status, created_at desc, id desc) where finished_at is not null;
create index job_ended_by_command on job (command_id, created_at desc, id desc) where finished_at is not null;
create index job_ended_by_cluster on job (cluster_id, created_at desc, id desc) where finished_at is not null;
create index job_ended_by_tag on job using gin (tags) where finished_at is not null and tags <> '{}';
create index job_waiting on job (created_at desc, id desc) where status = 'ACCEPTED';

-- Statuses are written by constants of the code only; a check is parsed anew for each statement, which costs as much as several indexes.
-- Lists rely on it that a job has a finished_at when, and only when, its status is one that ends it.
alter table job drop constraint job_status_check;

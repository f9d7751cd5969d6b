-- The jobs that wait for an approval, by when it is too late, and as the list of jobs shows them. Of other jobs they
-- cost nothing.
create index concurrently if not exists job_approve_by on job (approve_by, id) where status = 'WAITING_FOR_APPROVAL';
create index concurrently if not exists job_unapproved
    on job (created_at desc, id desc) where status = 'WAITING_FOR_APPROVAL';

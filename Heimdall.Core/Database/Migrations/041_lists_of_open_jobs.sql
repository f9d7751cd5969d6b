-- The jobs that wait for a cluster or a command are listed without reading all that wait for others.
create index concurrently if not exists job_waiting_by_cluster
    on job (cluster_id, created_at desc, id desc) where status = 'ACCEPTED';
create index concurrently if not exists job_waiting_by_command
    on job (command_id, created_at desc, id desc) where status = 'ACCEPTED';
-- Parents are left out of counts: those that have ended are few beside all jobs, and are taken off.
create index concurrently if not exists job_ended_parents
    on job (status, created_at desc, id desc) where finished_at is not null and fan_out is not null;

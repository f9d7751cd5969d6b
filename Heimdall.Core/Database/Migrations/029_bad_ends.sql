-- Few jobs of a cluster, a command or a caller end badly: they are found without reading all that ended well. Only a
-- bad end pays for it.
create index concurrently if not exists job_bad_by_cluster
    on job (cluster_id, status, created_at desc, id desc) where status in ('FAILED', 'KILLED', 'CANCELED');
create index concurrently if not exists job_bad_by_command
    on job (command_id, status, created_at desc, id desc) where status in ('FAILED', 'KILLED', 'CANCELED');
create index concurrently if not exists job_bad_by_user
    on job ("user", status, created_at desc, id desc) where status in ('FAILED', 'KILLED', 'CANCELED');

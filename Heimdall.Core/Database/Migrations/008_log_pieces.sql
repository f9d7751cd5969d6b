-- A piece of a log is written again when nobody heard that it had been stored, and is stored once. Those of earlier builds have no number.
alter table job_log
    add column attempt integer,
    add column piece   integer; -- counted from 1 in each stream of an attempt

create unique index job_log_once on job_log (job_id, attempt, stream, piece) where piece is not null;

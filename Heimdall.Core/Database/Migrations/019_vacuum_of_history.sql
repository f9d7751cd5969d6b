-- Rows that retention has deleted make room for new ones soon, and not after a fifth of a long history is gone. This
-- waits only for a vacuum or for an index that is built, and nobody who reads or writes waits behind it. An automatic
-- vacuum gives way after a second.
set local lock_timeout = '30s';
alter table job set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);
alter table job_attempt set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);
alter table job_log set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);
alter table job_result set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);

-- modes: single stop continue
-- differs single: a statement that the extended protocol sent finds its own portal in pg_cursors
-- differs stop: a statement that the extended protocol sent finds its own portal in pg_cursors
create table q (i int);
declare held cursor with hold for select generate_series(1, 5);
insert into q select count(*) from pg_cursors;

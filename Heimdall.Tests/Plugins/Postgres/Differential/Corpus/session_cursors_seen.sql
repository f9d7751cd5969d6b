-- modes: single stop continue
create table q (i int);
declare held cursor with hold for select generate_series(1, 5);
insert into q select count(*) from pg_cursors;
insert into q select count(*) from PG_CURSORS;

-- modes: single stop continue
-- errors:
create table q (i int);
insert into q values (1);
\echo hello
\echo -n hello 'again'
\qecho hello
\warn hello
insert into q values (2);

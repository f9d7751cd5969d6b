-- modes: single stop continue
-- errors:
create table q (i int);
select 'insert into q values (1)'\; insert into q values (2) \gexec
select 3 as v\; insert into q values (4) \gset
\if :{?v}
insert into q values (5);
\endif
insert into q values (6)\; select 'insert into q values (7)' \gexec

-- modes: single stop continue
-- errors:
create table q (i serial, t text);
\if false
\o /nowhere/at/all
\i nothing.sql
\set x `date`
\endif
insert into q (t) values ('a');
\unset not-a-name
select 'x' as "not a name" where false;
copy q (t) from stdin;
b
\.
\copy q (t) from stdin;
c
\.

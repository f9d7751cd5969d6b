-- modes: single stop continue
-- errors:
create table q (i serial, t text);
select format('insert into q (t) values (%L)', n), null, format('create table made%s (i int)', n)
from generate_series(1, 3) n \gexec
insert into q (t) values ('after');
select 'insert into q (t) values (''x''); insert into q (t) values ('':n'')' \gexec
select 'select 1' where false \gexec
select 'insert into q (t) values (''again'')';
\gexec
\gexec

-- modes: single stop continue
create table q (i serial, t text);
select unnest(array['insert into q (t) values (1)', 'select 1/0', 'insert into q (t) values (2)']) \gexec
insert into q (t) values ('after');
select 'this is no sql \ at all' \gexec
insert into q (t) values ('end');

-- modes: stop continue
create table q (i serial, t text);
select unnest(array['begin', 'insert into q (t) values (1)', 'rollback', 'vacuum q']) \gexec
insert into q (t) values ('after');
select 'begin; insert into q (t) values (2); commit; insert into q (t) values (3)' \gexec

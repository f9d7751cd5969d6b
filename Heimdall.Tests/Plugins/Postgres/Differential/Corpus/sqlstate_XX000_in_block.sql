-- modes: stop continue
create table q (t text);
insert into q values ('before');
begin;
insert into q values ('inside');
do $$ begin raise exception using errcode = 'XX000'; end $$;
insert into q values ('aborted');
commit;
insert into q values ('after');

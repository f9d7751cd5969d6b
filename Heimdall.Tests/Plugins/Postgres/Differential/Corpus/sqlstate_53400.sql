-- modes: single stop continue
create table q (t text);
set my.own = 'x';
insert into q values ('before');
do $$ begin raise exception using errcode = '53400'; end $$;
insert into q values (current_setting('my.own'));
select 1/0;

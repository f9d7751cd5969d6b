-- modes: stop continue
create table q (id serial, t text);
set standard_conforming_strings = maybe;
insert into q (t) values ('a\');
begin;
select 1/0;
set standard_conforming_strings = off;
rollback;
insert into q (t) values ('b\');
create function f() returns void language plpgsql set standard_conforming_strings = off as $$ begin insert into q (t) values ('c\\;'); end $$;
select f();
insert into q (t) values ('d\');

-- modes: single stop continue
create table q (i int, t text);
create function f() returns trigger language plpgsql as $$
begin
  if new.i < 0 then
    raise exception 'negative; %', new.i using errcode = 'HX002', hint = 'try 1', detail = 'x';
  end if;
  new.t := tg_op || coalesce(new.t, ';');
  return new;
end
$$;
create trigger t before insert or update on q for each row execute function f();
insert into q values (1), (2);
update q set i = 3 where i = 2;
create or replace procedure p(a int, b text default ';') language sql as $$ insert into q values (a, b); insert into q values (a + 1, b) $$;
call p(10); call p(b => 'x', a => 20);
insert into q values (4), (-1);
call p('x');
alter table q disable trigger t; insert into q values (-2);

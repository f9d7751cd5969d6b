-- modes: single stop continue
create table q (i int);
create function f() returns trigger language plpgsql as $$
begin
  if new.i = 3 then raise 'three; not allowed' using errcode = 'HX003'; end if;
  return new;
end $$;
create trigger t before insert on q for each row execute function f();
copy q from stdin;
1
2
3
4
\.
insert into q values (5);
copy q from stdin;
6
\.

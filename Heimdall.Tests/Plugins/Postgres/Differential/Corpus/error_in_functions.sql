-- modes: single stop continue
create table q (i int);
create function f(i int) returns int language plpgsql as $$
begin
  return 1 / i;
end $$;
insert into q values (f(1));
select f(
  0);
create function g() returns int language sql as $$
  select nope;
$$;
create function h() returns int language sql as 'select 1; select';
create function k() returns int language plpgsql as $$ begin return 1 end $$;
do 'begin x := 1; end';
insert into q values (f(2));

-- modes: single stop continue
create table q (i int);
create function end_() returns int language sql as 'select 1'; insert into q values (end_());
create table begin_atomic (atomic int); insert into begin_atomic values (1);
create function atomic(atomic int) returns int language sql as $$ select 1; select 2; $$; insert into q values (atomic(1));
create view v as select case when 1 > 0 then 1 end as "begin"; insert into q select "begin" from v;
select 1 as begin; insert into q values (10);
create function f(i int default 1) returns int language plpgsql as $$ begin if i > 0 then return 1; end if; return 0; end $$; insert into q values (f());
drop function begin();
insert into q values (11);

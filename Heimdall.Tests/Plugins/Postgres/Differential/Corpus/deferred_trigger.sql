-- modes: single stop continue
create table q (i int);
create function f() returns trigger language plpgsql as $$ begin if new.i = 2 then raise 'two' using errcode = 'HX004'; end if; return null; end $$;
create constraint trigger t after insert on q deferrable initially deferred for each row execute function f();
insert into q values (1);
insert into q values (2);
insert into q values (3);

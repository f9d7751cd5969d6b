-- modes: stop continue
create table q (i serial, n int);
create procedure fill(n int) language plpgsql as $$
begin
  for i in 1 .. n loop
    insert into q (n) values (i);
    if i % 2 = 0 then commit; else rollback; end if;
  end loop;
end $$;
call fill(4);
do $$ begin insert into q (n) values (100); commit; insert into q (n) values (101); rollback; end $$;
do $$ begin insert into q (n) values (200); commit; insert into q (n) values (1/0); end $$;
begin; call fill(2); commit;
begin; insert into q (n) values (300); do $$ begin commit; end $$; commit;
create procedure out_p(inout a int, out b text) language plpgsql as $$ begin a := a + 1; b := ';'; commit; end $$;
call out_p(1, null); call out_p(1/0, null);
insert into q (n) values (400);
do $$ begin commit and chain; insert into q (n) values (500); end $$;

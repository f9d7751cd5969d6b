-- modes: single
create table q (i serial, n int);
create procedure p() language plpgsql as $$ begin insert into q (n) values (1); commit; end $$;
do $$ begin insert into q (n) values (0); end $$;
call p();
insert into q (n) values (2);

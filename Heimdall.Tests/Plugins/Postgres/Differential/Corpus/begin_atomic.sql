-- modes: single stop continue
create table q (i int);
create function one() returns int begin atomic select 1; end;
create or replace function two(a int) returns int language sql begin atomic
  select case when a > 1 then case a when 2 then 2 else 3 end else 0 end;
  select 2; -- end;
end; insert into q values (two(2));
create procedure fill(n int) begin atomic insert into q select generate_series(1, n); insert into q values (case when n > 1 then 1 end); end;
call fill(3);
create function bad() returns int begin atomic select nope; select 1; end;
create function "begin"() returns int return 1; insert into q values ("begin"());
CREATE OR REPLACE PROCEDURE p2() BEGIN ATOMIC END;
create function begin_(e int) returns int return case when e > 0 then 1 else 0 end; insert into q values (begin_(1));
insert into q values (99);

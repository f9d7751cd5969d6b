-- modes: single stop continue
-- errors: 42P02@4 42P02@6 42P02@7
create table q (i int);
insert into q values ($1);
insert into q values (1);
select $1::int;
insert into q select $2;
create function f(int) returns int language sql as 'select $1 + 1';
insert into q select f(1);
create function g(a int, b int) returns int language sql return $1 + $2;
insert into q values (g(1, 2));

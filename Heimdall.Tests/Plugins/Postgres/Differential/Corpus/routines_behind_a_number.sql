-- modes: single stop continue
create table q (i int);
5 create function five() returns int begin atomic select 1; select 5; end; insert into q values (1);
'six' "x" create or replace procedure six() begin atomic insert into q values (2);
  insert into q values (3); end; insert into q values (4);
5 create table seven (begin int); insert into q values (5);
create function or_not() returns int language sql as 'select 1'; insert into q values (or_not());

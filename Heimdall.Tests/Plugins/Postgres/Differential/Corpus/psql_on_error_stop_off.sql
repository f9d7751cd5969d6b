-- modes: stop
-- stops: no
-- errors: 22012@6 42P01@7
create table q (i serial, t text);
\set ON_ERROR_STOP 0
select 1/0;
select * from nope;
insert into q (t) values ('c');

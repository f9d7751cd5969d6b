-- modes: continue
-- stops: yes
-- errors: 22012@5 42P01@9
create table q (i serial, t text);
select 1/0;
insert into q (t) values ('a');
\set ON_ERROR_STOP on
insert into q (t) values ('b');
select * from nope;
insert into q (t) values ('c');

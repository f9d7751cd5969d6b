-- modes: single stop continue
-- errors: 22012@10
create table q (i serial, t text) \g
insert into q (t) values ('a') \g
\g
insert into q (t)
values ('b')
\gx
select 1 \g (format=unaligned tuples_only=on)
select 1/0 \g
insert into q (t) values ('c') \g

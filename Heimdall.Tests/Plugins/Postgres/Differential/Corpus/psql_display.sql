-- modes: single stop continue
-- errors: 22012@20
create table q (i serial, t text);
\timing
\timing on
\pset null 'nothing' \\ insert into q (t) values ('a');
\x
\x auto
\a
\t on
\f ','
\C title
\H
\H
\conninfo
insert into q (t)
\p
values ('b');
\errverbose
select 1/0;
insert into q (t) values ('c');

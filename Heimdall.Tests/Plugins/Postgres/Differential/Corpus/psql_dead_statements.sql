-- modes: single stop continue
-- errors:
create table q (i serial, t text);
\set no off
\if :no
insert into q (t) values ('a') \g
select 'b' as b \gset
\elif false
select 'insert into q (t) values (''c'')' \gexec
select (1
\if true
insert into q (t) values ('d') \gx
\endif
insert into q (t) values ('e')
\else
insert into q (t) values ('f') \g
\endif
select false as no \gset
\if :no
insert into q (t) values ('g') \g
select 'insert into q (t) values (''h'')' \gexec
\endif
insert into q (t) values ('i');

-- modes: single stop continue
-- errors:
create table q (i serial, t text);
insert into q (t) values ('a');
/* and now */
\g
insert into q (t) values ('b');;
\g
insert into q (t) values ('c');
\;
\gx
insert into q (t) values ('d');
-- psql does not send this
\g
update q set t = t;;
insert into q (t) values ('rows ' || :ROW_COUNT);
\set s ';'
insert into q (t) values ('e');
:s;
\g
insert into q (t) values ('f');
\if false
/* not met */ ;
\endif
\g
/* met */
\if false
select 1;
\endif
\g
insert into q (t) values ('h ' || :ROW_COUNT || :'ERROR');
/* dropped */ \r
\g
\g
\g

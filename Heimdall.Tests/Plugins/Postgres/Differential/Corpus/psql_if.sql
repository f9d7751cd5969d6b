-- modes: single stop continue
-- errors:
-- variable yes: "true"
create table q (i serial, t text);
\if :yes
insert into q (t) values ('a');
\else
insert into q (t) values ('b');
this is ' no sql ';
\endif
\if no
insert into q (t) values ('c');
\elif :{?nothing}
insert into q (t) values ('d');
\elif 1
insert into q (t) values ('e');
\elif 1
insert into q (t) values ('f');
\else
insert into q (t) values ('g');
\endif
\if :yes \\ insert into q (t) values ('h'); \endif
\if off
\if on
insert into q (t) values ('i');
\set yes false
\else
insert into q (t) values ('j');
\endif
\echo never
\else
\if :yes
insert into q (t) values ('k');
\endif
\endif
\if tru
insert into q (t) values ('l');
\endif
insert into q (t) values ('m');

-- modes: single stop continue
create table q (i serial, t text);
insert into q (t) values ('a')\; insert into q (t) values ('b')\;
insert into q (t) values ('c');
select 1\; select 2 as two \gset
insert into q (t) values (:two);
insert into q (t) values ('d')\; select 1/0\; insert into q (t) values ('e');
insert into q (t) values ('f');
select array[1,2]\:\:text;

-- modes: single stop continue
-- errors:
create table q (i serial, t text);
insert into q (t) values ('a') this is wrong ( \r
insert into q (t) values ('b');
insert into q
\reset
insert into q (t) values ('c');

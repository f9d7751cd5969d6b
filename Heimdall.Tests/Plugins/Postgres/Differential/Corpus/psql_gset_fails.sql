-- modes: single stop continue
create table q (i serial, t text);
insert into q (t) values ('a');
select 1 as a where false \gset
insert into q (t) values ('b');
select generate_series(1, 2) as a \gset
insert into q (t) values ('c');
select 1/0 as a \gset
insert into q (t) values ('d');

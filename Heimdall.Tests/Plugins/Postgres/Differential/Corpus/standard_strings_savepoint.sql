-- modes: single
create table q (id serial, t text);
savepoint s;
set standard_conforming_strings = off;
insert into q (t) values ('a\';');
rollback to s;
insert into q (t) values ('b\');
set local standard_conforming_strings = off;
insert into q (t) values ('c\';');
release s;
insert into q (t) values ('d\';');

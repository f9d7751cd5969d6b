-- modes: stop continue
create table q (i serial, t text);
begin\; insert into q (t) values ('a')\; commit;
begin\; insert into q (t) values ('b');
insert into q (t) values ('c');
rollback;
insert into q (t) values ('d')\; rollback;
insert into q (t) values ('e');

-- modes: single stop continue
create table q (t text);
insert into q values ('a');
insert into q values ((('b');
insert into q values ('c');
select 1

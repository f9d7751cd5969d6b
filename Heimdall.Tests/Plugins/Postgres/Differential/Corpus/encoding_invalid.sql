-- modes: single stop continue
create table q (t text);
insert into q values ('before');
insert into q values ('ÿþ');
insert into q values ('after');

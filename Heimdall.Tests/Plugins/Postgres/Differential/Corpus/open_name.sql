-- modes: single stop continue
-- refused: 6
create table q (t text);
insert into q values ('a');
create sequence s; select nextval('s');
select "open;
insert into q values (2);

-- modes: single stop continue
-- refused: 6
create table q (t text);
insert into q values ('a');
select 1; select 1/1;
insert into q values ('open;
insert into q values (2);

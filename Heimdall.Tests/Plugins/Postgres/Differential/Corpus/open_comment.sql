-- modes: single stop continue
-- refused: 5
create table q (t text);
insert into q values ('a');
/* open /* */
insert into q values (2);

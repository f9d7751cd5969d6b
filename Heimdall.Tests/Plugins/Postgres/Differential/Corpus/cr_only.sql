-- modes: single stop continue
create table q (t text);insert into q values (1);-- commentinsert into q values (2);
insert into q values (3);

-- modes: single
set transaction isolation level repeatable read;
create table q (i int);
insert into q values (1);
set transaction read only;
insert into q values (2);

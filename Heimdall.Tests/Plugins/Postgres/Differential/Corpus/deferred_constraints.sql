-- modes: single stop continue
create table p (i int primary key);
create table q (i int references p deferrable initially deferred, u int unique deferrable);
insert into q values (null, 1); insert into p values (1); insert into q values (1, 2);
set constraints all immediate;
set constraints all deferred;
insert into q values (7, 3);
insert into p values (2);

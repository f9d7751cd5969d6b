-- modes: stop continue
-- errors: 23503@8 23503@13 25P02@14
create table p (i int primary key);
create table q (i int references p deferrable initially deferred);
begin;
insert into q values (1);
insert into p values (9);
commit;
insert into p values (2);
begin;
insert into q values (2);
insert into q values (3);
set constraints all immediate;
insert into p values (3);
commit;
insert into p values (4);

-- modes: single stop continue
-- alone
create role differential_left; create table q (t text);
grant select (t), update on q to differential_left, public; grant execute on all functions in schema public to differential_left;
alter table q owner to differential_left;
create schema differential_s authorization differential_left create table differential_s.x (i int) create view differential_s.v as select 1;
select 1/0;
insert into q values ('after');

-- modes: single stop continue
create table q (i int, t text);
create view v as select i, t from q where i > 0 with local check option;
insert into v values (1, 'a'); update v set t = 'b;'; delete from v where i = 5;
create rule r as on insert to q where new.i = 7 do instead (insert into q values (8, 'rule;'); select 1;);
create rule n as on delete to q do notify gone;
insert into q values (7, 'seven'); delete from q where i = 1;
insert into v values (0, 'outside');
create or replace view v as select t from q;
drop table q;
drop table q cascade; create table q (i int);

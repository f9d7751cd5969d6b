-- modes: single stop continue
-- errors:
create table q (i serial, t text);
select 1 as a, 'it''s' as b, null as c \gset
insert into q (t) values (:a || :'b' || :{?c}::text);
\set x_c old
select 2 as a, null as c
\gset x_
insert into q (t) values (:x_a || :{?x_c}::text);
insert into q (t) values ('r') returning i as id \gset
insert into q (t) values ('id ' || :id);
select 3 as a; \gset again_
insert into q (t) values (:again_a);
select count(*) > 2 as many from q \gset
\if :many
insert into q (t) values ('many');
\else
insert into q (t) values ('few');
\endif
insert into q (t) values ('no rows') \gset
select 'select 1/0' as danger \gset
insert into q (t) values (:'danger');

-- modes: single stop continue
create table q (i int generated always as identity, n int default 0);
select relacl from pg_class limit 3; select '{=r/postgres}'::aclitem[];
select; select null, ''; table q; values (1), (2);
insert into q (n) values (1) returning *; update q set n = n + 1 returning old_n from (select 1 as old_n) x;
with w as (delete from q where n > 5 returning *) select * from w;
with recursive r as (select 1 as i union all select i + 1 from r where i < 100) select * from r;
explain select * from q; show datestyle; show all;
select array[1, 2], row(1, 'x;'), '{"a;": 1}'::json, '[1,2)'::int4range, '1 day'::interval, 'infinity'::timestamptz, '\x00'::bytea;
select pg_typeof(1), 'q'::regclass, oid from pg_type limit 2;
select 'NaN'::float8, repeat('x', 100000);
select xmin = xmin, ctid from q; select $$$$;
insert into q (n) values (10);

-- modes: single stop continue
create table q (i int primary key, n int default 0);
insert into q values (1), (2) on conflict do nothing;
insert into q values (1), (3) on conflict (i) do update set n = excluded.i + q.n + 1;
merge into q using (values (1), (4)) as s (i) on q.i = s.i when matched then update set n = 100 when not matched then insert values (s.i, 7);
with w as (insert into q values (5) returning i) update q set n = -1 where i in (select i from w) returning *;
insert into q values (6), (6) on conflict (i) do update set n = 1;
insert into q select i, i from generate_series(10, 20) i where i % 2 = 0;
delete from q using (select 10 as i) x where q.i = x.i; truncate q restart identity; insert into q values (30);

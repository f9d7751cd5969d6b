-- modes: single stop continue
create table q (i int);
explain (analyze, costs off) insert into q values (1);
create table r as table q with no data; select i into s from q;
analyze q; checkpoint; load 'plpgsql'; reset work_mem; show server_version; security label on table q is 'x';
insert into q values (2);
values (1, 2), (3);
insert into q values (3);

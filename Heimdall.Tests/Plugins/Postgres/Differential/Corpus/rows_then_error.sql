-- modes: single stop continue
-- errors: 22012@5 22012@7
create table q (i int);
insert into q values (1); select * from generate_series(1, 1000);
select 1/(2 - i) from generate_series(1, 3) i;
insert into q values (2);
insert into q select 1/(2 - i) from generate_series(1, 3) i returning i;
insert into q values (3) returning i, 1/i;

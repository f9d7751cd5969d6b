-- modes: single stop continue
-- errors: 42P01@4 42601@5
create table q (i int);
copy missing from stdin;
these are data;
insert into q values (1);
select 1;

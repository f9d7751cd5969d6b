-- modes: stop continue
create table q (i int);
begin;
select 1/0;
copy q from stdin;
1; rollback;
insert into q values (2);
\.
insert into q values (3);

-- modes: single stop continue
create table q (i int);
insert into q values (1);
copy q (nope) from stdin;
select 2;
copy q from stdin with (format nope);
insert into q values (2);
copy q from '/nonexistent/file';
insert into q values (3);

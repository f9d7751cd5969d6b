-- modes: stop continue
create table q (i int);
begin;
copy q from stdin;
1
\.
savepoint s;
copy q from stdin;
2
x
\.
rollback to s;
copy q from stdin;
3
\.
commit;
begin;
copy q from stdin;
4
\.
rollback;

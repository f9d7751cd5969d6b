-- modes: continue
-- file bad.txt: "1\ta\n2\tb\tc\n"
create table q (i int, t text);
create table said (i serial, t text);
select 1 union select 2;
copy q from stdin;
1	a
2	b	c
\.
insert into said (t) values (:'ERROR' || :'SQLSTATE' || :'LAST_ERROR_SQLSTATE' || :ROW_COUNT);
copy (select 1 union all select 1/(i - i) from generate_series(1, 2) i) to stdout;
insert into said (t) values (:'ERROR' || :'SQLSTATE' || :'LAST_ERROR_SQLSTATE' || :ROW_COUNT);
select 1 union select 2;
\copy q from bad.txt
insert into said (t) values (:'ERROR' || :'SQLSTATE' || :'LAST_ERROR_SQLSTATE' || :ROW_COUNT);
\copy nope from bad.txt
insert into said (t) values (:'ERROR' || :'SQLSTATE' || :'LAST_ERROR_SQLSTATE' || :ROW_COUNT);
select 1 union select 2;
copy q from stdin\; select 3;
1	a
2	b	c
\.
insert into said (t) values (:'ERROR' || :'SQLSTATE' || :'LAST_ERROR_SQLSTATE' || :ROW_COUNT);

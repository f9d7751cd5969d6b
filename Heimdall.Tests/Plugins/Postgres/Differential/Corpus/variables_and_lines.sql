-- modes: single stop continue
-- errors: 22012@11 42703@14 22012@15 22012@17
-- variable lines: "a\nb\nc"
-- variable lines_of_sql: "insert into q (t)\nvalues ('b'\n)\n;\n"
-- variable long: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
-- variable n: "1"
-- variable error: "select\n\n1/\n0"
create table q (i serial, t text);
insert into q (t)
values (:'lines');
select :'lines',
1/0;
:lines_of_sql
select :"lines";
insert into q (t) values (:'long' || :'long'); select
  1/0 + :n;
:error
;
insert into q (t) values ('last');

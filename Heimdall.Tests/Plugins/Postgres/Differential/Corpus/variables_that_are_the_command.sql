-- modes: stop continue
-- errors: 22012@16
-- variable begin: "begin"
-- variable commit: "commit"
-- variable create: "create function g() returns int language sql"
-- variable insert: "insert into q (t)"
-- variable vacuum: "vacuum"
create table q (i serial, t text);
:begin;
:insert values ('a');
:commit;
:create begin atomic select 1; end;
:vacuum q;
:begin;
:insert values ('lost');
select 1/0;

-- modes: continue
-- errors: 22012@16 25P02@17
-- variable begin: "begin;"
-- variable commit: "commit"
-- variable rollback: "rollback;"
-- variable block: "begin; insert into q (t) values ('d');"
-- variable t: "q"
-- variable vacuum: "vacuum"
-- variable set: "set standard_conforming_strings = off"
create table q (i serial, t text);
:begin; insert into q (t) values ('a'); :commit;
:begin
insert into q (t) values ('b');
:rollback
:block
select 1/0;
insert into q (t) values ('c');
:rollback
vacuum :"t";
:vacuum q;
:set;
insert into q (t) values ('\'');

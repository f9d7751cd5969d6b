-- modes: single stop continue
-- errors:
-- variable given: "7"
create table q (i serial, t text);
\set a one
\set b :a 'two' " three " :'a' four'five'
insert into q (t) values (:'b');
\set c 'it''s \n\t\\ \101\x42' x
insert into q (t) values (:'c');
\set d
insert into q (t) values ('[' || :'d' || ']');
\set n 5 \\ insert into q (t) values (:n);
\set given :given:given
insert into q (t) values (:'given');
\unset given
insert into q (t) values (':given :{?given}');
insert into q (t) values (:{?given}::text || :{?a}::text);
\set t q
insert into :t (t) values (:'t');
\set one_word a;
insert into q (t) values (:'one_word');
insert into q (t)
\set v 9
values (:v);
\set e :nothing :'nothing' :"nothing" ::a :{?a} :{?z}
insert into q (t) values (:'e');

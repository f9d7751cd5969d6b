-- modes: continue
-- errors: 42703@8
-- variable a: "é'\\"
-- variable b: "é"
-- variable c: "'é'"
create table q (t text);
set client_encoding = latin1;
insert into q values (:'a'), (:"b"), (:b);
insert into q values (:'a'), (:c);

-- modes: continue
-- errors: 42601@17 42601@18 42601@19
-- variable n: "'7'"
-- variable outer: ":n || :n"
-- variable quoted: ":'outer' || ':n' || :'n'"
-- variable self: ":self || 1"
-- variable a: ":b"
-- variable b: ":c"
-- variable c: ":a"
-- variable twice: ":outer || :outer"
-- variable statement: "insert into :\"table\" (t) values (:twice)"
-- variable table: "q"
-- variable statements: ":statement; :statement;"
create table q (i serial, t text);
insert into q (t) values (:outer);
insert into q (t) values (:quoted);
insert into q (t) values (:self);
insert into q (t) values (:a);
insert into q (t) values (:twice, :twice);
insert into q (t) values (:twice);
:statement;
:statements
insert into q (t) values (:'outer'), (:'self');

-- modes: continue
-- errors: 42601@22
-- variable open: "'open;"
-- variable quote: "'"
-- variable dollar: "$$"
-- variable tag: "$a$"
-- variable n: "7"
-- variable name: "\""
-- variable begin: "/* "
-- variable left: "("
-- variable right: ")"
-- variable semi: ";"
create table q (i serial, t text);
insert into q (t) values (:open it''s :quote ');
insert into q (t) values (:dollar :n; :dollar $$);
insert into q (t) values (:dollar:n;:quote:dollar$$);
insert into q (t) values (:tag ; :n $a$);
insert into q (t) values ($a$ ; :n :tag $a$);
create table :name a ; :n :name " (i int);
insert into q (t) values (1 :begin ; :n */ + 1);
insert into q (t) values :left 1); select ';' :semi
insert into q (t) values :left :n ; :right);

-- modes: single stop continue
-- errors:
-- variable whole: "insert into q (t) values ('whole')"
-- variable part: "select 'part' union all\nselect 'of it'"
-- variable insert: "insert into q"
-- variable call: "upper('call;')"
-- variable text: "'it''s; text'"
-- variable a: "'a'"
-- variable b: "'b'"
-- variable n: "7"
-- variable two: "insert into q (t) values ('first'); insert into q (t) values ('second')"
-- variable three: "insert into q (t) values ('third');"
-- variable last: "insert into q (t) values ('last')"
create table q (i serial, t text);
:whole;
insert into q (t) :part;
:insert (t) values (:call);
insert into q (t) values (:text), (:a||:b), ('x'||:a||'y'), (:n::text), (:n::int::text), (:call), (:call::text);
insert into q (t) select :n::text where 1=:n-6 and :n>0 and :n<8;
:two;
:three
:last
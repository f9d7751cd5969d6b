-- modes: continue
-- variable d: "-"
-- variable s: "/"
-- variable e: "E"
-- variable dollar: "$"
-- variable a: "x"
-- variable c: ":"
create table q (i serial, t text);
insert into q (t) values (1 :d- 1); insert into q (t) values ('minus');
insert into q (t) values (1 :s* 1); insert into q (t) values ('times */');
insert into q (t) values (:e'a\'); insert into q (t) values ('e');
insert into q (t) values (:dollar$ a $$); $$); insert into q (t) values ('dollar');
select 1 :a$$ ; $$; insert into q (t) values ('tag');
select :c'a'; insert into q (t) values ('colon');

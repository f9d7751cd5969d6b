-- modes: single stop continue
-- errors:
-- variable atomic: "atomic insert into q (t) values (1)"
-- variable body: "insert into q (t) values ('body');"
-- variable n: "7"
-- variable create: "function g() returns int language sql begin atomic"
-- variable two: "insert into q (t) values ('rule')"
create table q (i serial, t text);
create procedure p() language sql begin :atomic;:body; :body end;
call p();
create function f() returns int language sql begin atomic select :n; end;
create :create select case when true then :n end; end;
insert into q (t) select f() + g();
create rule r as on delete to q do also (:two; :two);
delete from q where i = 1;

-- modes: continue
-- errors: 42601@15
-- variable empty: ""
-- variable text: "'t'"
-- variable n: "7"
-- variable name: "x"
-- variable col: "c d"
create table q (i serial, t text);
insert into q (t) select x:empty from (select 'a') s (x);
insert into q (t) select:text;
insert into q (t) values (:text),(:text:text), (:text::text);
insert into q (t) values (- :n), (-:n), (+:n), (1+:n), (1*:n), (@:n);
insert into q (t) select:'name':empty;
insert into q (t) select a.:"col"from (select 1 as :"col") a;
insert into q (t) values (:n), (:n), (:n.5), (:n:n), (:n :n);
insert into q (t) select (:n)::text || :n::text || (:n);
insert into q (t) select f from (select concat(:n,:n,':n') f) s;
create function named(a int, b int) returns int language sql as 'select a + b';
insert into q (t) select named(a := :n, b:=:n);
insert into q (t) select named(a=>:n, b=>:'n');

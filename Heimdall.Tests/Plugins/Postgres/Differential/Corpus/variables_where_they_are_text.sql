-- modes: single stop continue
-- errors:
-- variable n: "7"
-- variable drop: "; drop table q;"
create table q (i serial, t text);
insert into q (t) values (':n'), (E':n\'; :n'), (U&':n \0041'), ($$:n; :'n'$$), ($n$ :n $n$), (N':n'), ('a'':n');
insert into q (t) values ('a'
':n');
-- :n :'n' :"n" :drop
/* :n :'n' ; /* :drop */ :drop */
create table ":n" (":'n'" int, U&":n" text);
insert into ":n" values (1, ':n') -- :drop
;
copy q (t) from stdin;
:n
:'n' :"n"
:drop
\.
create function f() returns text language plpgsql as $f$ begin return ':n; :drop'; end $f$;
create function g() returns text language sql as 'select '':n''';
insert into q (t) select g();
insert into q (t) values (:n), (:'n'), ('$$:n$$');

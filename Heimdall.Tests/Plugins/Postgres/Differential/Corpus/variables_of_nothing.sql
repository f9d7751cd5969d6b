-- modes: single stop continue
-- errors:
-- variable empty: ""
-- variable space: " \t\n"
-- variable comment: "-- nothing\n"
-- variable block: "/* ; */"
-- variable semi: ";"
-- variable semis: " ; ; ;\n;"
-- variable lines: "\n\n\n"
:empty
:empty;
create table q (i serial, t text);:empty
:empty insert into q (t) values ('a':empty);
insert into:empty q (t) values ('b') :space ;
:space;:comment
;:block
:semi:semi insert into q (t) values ('c');:semi
:semis
insert into q (t) values ('d'):semi
select :empty 1 :space:empty;
:lines
:empty
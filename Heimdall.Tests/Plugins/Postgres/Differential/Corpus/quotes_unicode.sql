-- modes: single stop continue
create table q (id serial, t text);
insert into q (t) values (U&'d\0061t\+000061;'), (u&'\\'), (U&'it''s;'), (U&'!0061!!;' uescape '!');
insert into q (t) values (U&'\'), ('x');
insert into q (t) values (U&'\0041'), (U& '\');
create table "q;2" ("a;b" int, "c""d" text, U&"d\0061t;a" int, U&"x!0061" UESCAPE '!' int);
insert into "q;2" ("a;b", "c""d", "dat;a") values (1, ';', 2);
insert into "q;2" ("a;b", "nope;") values (1, 2);
insert into q (t) values (U&'after');

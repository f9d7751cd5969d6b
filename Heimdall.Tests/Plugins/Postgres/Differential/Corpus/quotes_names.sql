-- modes: single stop continue
create table "a
b; --" (i int, "/*" int, """" int);
insert into "a
b; --" values (1, 2, 3);
insert into "a
b; --" values (1, 2, 3, 4);
create table "select 1; drop" (";" int); insert into "select 1; drop" values (5);
select "" from "a";
insert into "select 1; drop" values (6);

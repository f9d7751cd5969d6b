-- modes: single stop continue
-- file a.sql: "insert into q (t) values (:'who');\n\\set who 'the file'\n\\ir sub/b.psql\n"
-- file sub/b.psql: "insert into q (t) values ('b ' || :'who');\n\\ir ../c\ninsert into q (t) values ('b again') -- no end\n"
-- file c: "\\q\nnothing of this runs '\n"
-- file fails.sql: "insert into q (t) values ('d');\nselect\n1/0;\ninsert into q (t) values ('e');\n"
create table q (i serial, t text);
\set who 'the script'
\i a.sql
insert into q (t) values ('after ' || :'who');
\set name a
insert into q (t) \i ./:name.sql
values ('around');
\if false
\i nothing.sql
\endif
\include fails.sql
insert into q (t) values ('end');

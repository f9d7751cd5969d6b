-- modes: single stop continue
-- file bad.sql: "select 1;\n\\! true\n"
-- refused: 6
create table q (i serial);
insert into q default values;
\i nothing.sql
\i bad.sql

-- modes: single
-- refused single: 5
-- variable commit: "commit"
create table q (i serial, t text);
:commit;

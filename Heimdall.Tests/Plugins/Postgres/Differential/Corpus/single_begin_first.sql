-- modes: single
-- refused: 3
begin;
create table q (i serial);
commit;

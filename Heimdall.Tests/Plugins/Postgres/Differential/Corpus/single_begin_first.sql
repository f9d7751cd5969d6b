-- modes: single
-- errors:
begin;
create table q (i serial);
commit;

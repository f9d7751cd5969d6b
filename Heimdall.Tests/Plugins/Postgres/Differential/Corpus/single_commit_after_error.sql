-- modes: single
-- refused: 5
create table q (i serial);
select 1/0;
commit;

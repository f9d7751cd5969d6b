-- modes: single
-- errors: 22012@4
create table q (i serial);
select 1/0;
commit;

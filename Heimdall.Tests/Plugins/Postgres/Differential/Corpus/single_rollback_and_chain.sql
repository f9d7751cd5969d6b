-- modes: single
-- refused: 6
create table q (i serial);
insert into q default values;
select 1; --
rollback and chain;
insert into q default values;

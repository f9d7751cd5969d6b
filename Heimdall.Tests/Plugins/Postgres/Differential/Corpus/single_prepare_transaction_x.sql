-- modes: single
-- refused: 6
create table q (i serial);
insert into q default values;
select 1; --
prepare transaction 'x';
insert into q default values;

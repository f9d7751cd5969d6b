-- modes: single stop continue
-- refused: 9
create table q (i serial);
insert into q default values;
select true as yes \gset
\if :yes
insert into q default values;
\else
\! true
\endif

-- modes: single stop continue
-- refused: 6
create table q (t text);
insert into q values ('a');
create sequence s; select nextval('s');
do $x$ begin null; end $y$;
insert into q values (2);

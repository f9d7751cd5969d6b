-- modes: single stop continue
-- errors: 42703@6 42601@11 42P01@15 42703@16 22P02@21
create table q (i int, t text);
insert into q
select 1,
  nope
  , 2
;
insert into q values (1, 'a
b'),
(2 2);
/* a comment
of two lines */ insert into q values (3, 'é
😀'); select 'é', '😀'
from nowhere;
do $$
begin
  perform nope;
end $$;
insert into q
values ('x', 'y');
insert into q values (4, 'four');

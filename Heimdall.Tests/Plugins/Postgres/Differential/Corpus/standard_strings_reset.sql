-- modes: single stop continue
create table q (id serial, t text);
set standard_conforming_strings = off;
insert into q (t) values ('a\';');
reset standard_conforming_strings;
insert into q (t) values ('b\');
select set_config('standard_conforming_strings', 'off', false);
insert into q (t) values ('c\';');
reset all;
insert into q (t) values ('d\');
do $$ begin perform set_config('standard_conforming_strings', 'off', false); end $$;
insert into q (t) values ('e\';');
set standard_conforming_strings to default;
insert into q (t) values ('f\');

-- modes: single stop continue
create table q (id serial, t text);
insert into q (t) values ('a\'), ('b;');
set standard_conforming_strings = off;
insert into q (t) values ('a\';'), ('it''s;\\'), (E'\';'), (B'101'::text), (N'n\';');
insert into q (t) values ('x'
'\';y');
set standard_conforming_strings to on;
insert into q (t) values ('c\'); insert into q (t) values ('d;');
set standard_conforming_strings = off; set standard_conforming_strings = on;
insert into q (t) values ('e\');
insert into q (t) values ('f\');
set standard_conforming_strings = off;
insert into q (t) values (U&'x');
select nope;
set standard_conforming_strings = on;
insert into q (t) values ('g\');

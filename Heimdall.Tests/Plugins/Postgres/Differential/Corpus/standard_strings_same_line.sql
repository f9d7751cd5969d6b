-- modes: single stop continue
-- differs: psql minds the change from the next line on, Heimdall, as the server, from the next statement on
create table q (id serial, t text);
set standard_conforming_strings = off; insert into q (t) values ('a\';');
set standard_conforming_strings = on; insert into q (t) values ('b\');
insert into q (t) values ('c;');

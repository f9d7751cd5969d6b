-- modes: single
-- differs: refused for its first word, before the server could say that it is no SQL
create table q (i serial);
insert into q default values;
vacuum nonsense (;

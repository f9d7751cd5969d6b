-- modes: single stop continue
create table q (id serial, t text);
insert into q (t) values (E'a\'b;'), (e'\\'), (E'''\''''), (E'\x41\u00e9;'), (E'line\
next;'), (E'tab\t;'), (E'\';x''');
insert into q (t) values (E'\\\\\'');
insert into q (t) values (E'\'--') /* E'\' */; insert into q (t) values ('\'); -- E'
insert into q (t) values (e'\xff');
insert into q (t) values (E'\u0000');
insert into q (t) values ('after');

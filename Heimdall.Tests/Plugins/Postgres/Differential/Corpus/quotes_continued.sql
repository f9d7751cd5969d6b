-- modes: single stop continue
create table q (id serial, t text);
insert into q (t) values ('one;'
  'two;'
  'three');
insert into q (t) values ('one;' -- a comment; with '
  'two');
insert into q (t) values ('one' 'two');
insert into q (t) values (U&'\0041'
'\0042');
insert into q (t) values ('after');

-- modes: single stop continue
create table q (t text);
set client_encoding to latin1;
insert into q values ('ü;');
reset client_encoding;
insert into q values ('€');

-- modes: single stop continue
-- errors:
create table q (t text);
set client_encoding to latin1;
insert into q values ('plain;');
set client_encoding to utf8;
insert into q values ('€');

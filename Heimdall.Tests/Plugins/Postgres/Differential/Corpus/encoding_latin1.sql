-- modes: single stop continue
create table q (t text);
insert into q values ('grÃ¼ÃŸe');
set client_encoding to latin1;
insert into q values ('grüße;');
set client_encoding to utf8;
insert into q values ('â‚¬');

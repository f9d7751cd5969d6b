-- modes: single stop continue
create table q (t text);
copy q from stdin with (encoding 'latin1');
grüße
\.
insert into q values ('after');

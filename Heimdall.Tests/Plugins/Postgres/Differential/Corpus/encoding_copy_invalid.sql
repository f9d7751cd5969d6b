-- modes: single stop continue
-- errors: 22021@5
create table q (t text);
copy q from stdin;
aÿ
\.
insert into q values ('after');

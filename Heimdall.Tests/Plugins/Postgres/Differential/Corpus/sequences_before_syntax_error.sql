-- modes: single stop continue
-- errors: 42601@11
create sequence s; create table q (i serial, n int default nextval('s'));
insert into q default values;
insert into q default values; select setval('q_i_seq', 41);
insert into q default values;
insert into q select 7, 8; insert into q (n) values (nextval('s') * 10);
alter sequence s increment by 3; select nextval('s');
-- a line
insert into q
  default valuez; insert into q default values;
select nextval('s');

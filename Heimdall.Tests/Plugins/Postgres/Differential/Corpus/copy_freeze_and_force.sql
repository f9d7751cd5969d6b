-- modes: single
create table q (i int, t text);
truncate q;
copy q from stdin with (freeze);
1	one
\.
copy q from stdin with (format csv, force_not_null (t));
2,
\.
select count(*) from q;

-- modes: single stop continue
create table q (i int, t text);
copy q from stdin csv;
1,"two
lines; 'quoted' ""twice"""
2,
3,""
4,";"
\.
copy q from stdin with (format csv, header, delimiter ';', quote '''', escape '\', null 'none', force_null (t));
i;t
5;'semi;colon'
6;none
7;'it\'s'
\.
copy q from stdin (format csv);
8,"
\\.
"
9,x\.
\.
copy q (t, i) from stdin with csv header;
t,i
a,10
\.
copy q from stdin csv;
11,"open
\.
insert into q values (12);

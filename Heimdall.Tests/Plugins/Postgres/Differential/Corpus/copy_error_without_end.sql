-- modes: single stop continue
-- errors: 22P02@6
create table q (i int);
copy q from stdin;
1
x
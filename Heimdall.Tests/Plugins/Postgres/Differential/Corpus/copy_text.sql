-- modes: single stop continue
-- errors: 42703@33
create table q (i int, t text);
copy q from stdin;
1	plain
2	tab\tnewline\n;'"$$
3	\N
4	\\.
5	back\\slash
\.
copy q (t) from stdin; -- a comment; after it
a;b
-- no comment
/* none

\x41
\.
  COPY q FROM STDIN   ;
6	six
\.
copy q from stdin with (format text, delimiter ',', null '-');
7,seven
8,-
\.
copy q
  from /* here */ stdin
  ;
9	nine
\.
insert into q values (10, 'ten'); copy q from stdin;
11	eleven
\.
insert into q values (nope);
copy q from stdin;
12	twelve
\.

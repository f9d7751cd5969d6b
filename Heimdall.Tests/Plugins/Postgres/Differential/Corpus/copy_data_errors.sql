-- modes: single stop continue
-- errors: 22P02@6 22P04@11 22P04@15 23514@20 23505@25
create table q (i int primary key, t text check (t <> 'bad'));
copy q from stdin;
1	one
x	two
3	three
\.
copy q from stdin;
4	four
5	five	six
\.
copy q from stdin;
6	six
7
\.
insert into q values (8, 'eight');
copy q from stdin;
9	nine
10	bad
\.
insert into q values (11, 'eleven');
copy q from stdin;
12	twelve
8	eight
\.
insert into q values (13, 'thirteen');

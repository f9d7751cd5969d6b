-- modes: single stop continue
-- errors:
-- variable copy: "copy q from stdin"
-- variable copies: "copy q from stdin;"
-- variable more: "copy q from stdin; insert into q values (4, 'four');\ninsert into q values (5, 'five');"
create table q (i int, t text);
:copy;
1	one
\.
:copies
2	two
\.
:more
3	three
\.
insert into q values (6, 'six');

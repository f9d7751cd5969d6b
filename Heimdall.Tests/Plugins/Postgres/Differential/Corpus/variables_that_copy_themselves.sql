-- modes: continue
-- errors: 42601@7
-- variable again: "copy q from stdin; insert into q values (2, 'two'); :again"
create table q (i int, t text);
:again;
1	one
\.
insert into q values (3, 'three');

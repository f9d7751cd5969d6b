-- modes: single stop continue
-- file rows.txt: "1\ta\nx\tb\n"
create table q (n int, t text);
insert into q values (1);
\copy q from rows.txt
insert into q values (2);
\copy nope from rows.txt
insert into q values (3);

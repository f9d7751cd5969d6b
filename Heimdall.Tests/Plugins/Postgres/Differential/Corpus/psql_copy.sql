-- modes: single stop continue
-- file data/rows.txt: "1\ta\n2\tb\\nc\n\\N\td\n"
-- file rows.csv: "n,t\n3,\"x, y\"\n4,\n"
-- file ended.txt: "5\te\n\\.\n6\tf\n"
create table q (n int, t text);
\copy q from data/rows.txt
\copy q (n, t) from 'rows.csv' with (format csv, header)
\copy "q" from stdin
7	g
\.
\copy q from ended.txt
\copy q to stdout
\copy (select * from q) to stdout csv
insert into q values (8);

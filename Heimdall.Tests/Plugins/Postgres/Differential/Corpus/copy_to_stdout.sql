-- modes: single stop continue
create table q (i int, t text);
insert into q values (1, 'x;'), (2, null);
copy q to stdout;
copy (select i, 1/(2 - i) from q order by i) to stdout with csv header;
copy (select * from q) to stdin;
copy q (t) to stdout (format binary);
copy nope to stdout;
insert into q values (3, 'after');
COPY (INSERT INTO q VALUES (4, 'copied') RETURNING *) TO STDOUT;

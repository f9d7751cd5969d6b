-- modes: single stop continue
-- errors:
-- variable t: "q"
-- variable stdin: "stdin"
-- variable options: "format csv"
-- variable format: "csv"
-- variable n: "7"
create table q (i serial, t text);
copy :"t" (i, t) from :stdin;
2	:'n'
\.
copy q from stdin with (:options);
3,":n"
\.
copy q from stdin :format;
4,four
\.
insert into q values (:n);

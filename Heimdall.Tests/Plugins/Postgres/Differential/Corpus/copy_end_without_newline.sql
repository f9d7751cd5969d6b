-- modes: single stop continue
-- differs: psql takes it for data, on which the server fails; Heimdall for the end of the data
create table q (t text);
copy q from stdin;
a
\.
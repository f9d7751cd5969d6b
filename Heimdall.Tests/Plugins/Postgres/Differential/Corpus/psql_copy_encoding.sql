-- modes: single stop continue
-- errors:
create table q (t text);
set client_encoding = latin1;
\copy q from stdin null 'י'
a
י
יא
\.

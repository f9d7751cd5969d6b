-- modes: single stop continue
create table q (t text);
copy q from stdin;
\.
copy q from stdin;

\.
copy q from stdout;
from stdout
\.
copy q from stdin where t like 'a%';
a
b
\.
copy "q" from stdin;
 \.
\. 
x\.
\.
insert into q values ('after');

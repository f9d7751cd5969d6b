-- modes: single stop continue
-- errors:
create table q (i serial, t text);
\encoding
\encoding LATIN1
insert into q (t) values ('café');
\set who 'rené'
insert into q (t) values (:'who');
\encoding UTF8
insert into q (t) values (current_setting('client_encoding'));

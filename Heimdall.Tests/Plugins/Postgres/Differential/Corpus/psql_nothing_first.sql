-- modes: single stop continue
-- errors:
-- file empty_texts.sql: "\\g\n/* nothing */\n\\gset\n"
create table q (i serial, t text);
\i empty_texts.sql
insert into q (t) values (:ROW_COUNT || :'ERROR');
select 'insert into q (t) values (''made'')'; /* it */
\gexec

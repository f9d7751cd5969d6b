-- modes: single stop continue
-- errors:
create table q (i serial, t text);
insert into q (t) values ('a'), ('b'), ('c');
insert into q (t) values (:ROW_COUNT || :'SQLSTATE' || :'ERROR');
select 1 where false;
\if :ERROR
insert into q (t) values ('failed');
\endif
insert into q (t) values (:ROW_COUNT || :'LAST_ERROR_SQLSTATE' || :'LAST_ERROR_MESSAGE');
update q set t = t;
\set rows :ROW_COUNT
insert into q (t) values (:rows);
insert into q (t) values ((:SERVER_VERSION_NUM = current_setting('server_version_num')::int)::text);
insert into q (t) values ((:'USER' = current_user)::text || (:'DBNAME' <> '')::text);
insert into q (t) values (:'ENCODING' || :'AUTOCOMMIT' || :'ON_ERROR_ROLLBACK');

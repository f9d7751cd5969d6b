-- modes: stop continue
-- alone
drop database if exists differential_database;
create table q (i serial primary key, n int);
insert into q (n) values (1), (2);
vacuum q; vacuum (analyze) q; analyze q;
create index concurrently "n;" on q (n);
reindex table concurrently q; reindex index "n;"; cluster q using q_pkey;
create database differential_database; drop database differential_database;
insert into q (n) values (3);
create unique index concurrently u on q ((n / 2));
drop index concurrently "n;";
begin; vacuum q; rollback;
discard all;
insert into q (n) values (4);
drop database differential_missing;
insert into q (n) values (5);
begin; insert into q (n) values (6); create index concurrently on q (n); commit;
alter system set no_such_setting = 1;
insert into q (n) values (7);

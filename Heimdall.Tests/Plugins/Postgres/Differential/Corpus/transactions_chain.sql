-- modes: stop continue
create table q (i serial, n int primary key);
commit and chain;
rollback and chain;
begin; insert into q (n) values (1); select 1/0; commit and chain; insert into q (n) values (2); commit;
insert into q (n) values (3);
start transaction read only; insert into q (n) values (4); rollback and chain; insert into q (n) values (5); rollback;
prepare transaction 'x';
begin; insert into q (n) values (6); prepare transaction 'x;';
insert into q (n) values (7);
commit prepared 'x;'; rollback prepared 'x;';
insert into q (n) values (8);

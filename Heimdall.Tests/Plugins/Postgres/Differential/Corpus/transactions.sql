-- modes: stop continue
create table q (i serial, n int primary key);
begin; insert into q (n) values (1); commit;
begin; insert into q (n) values (2); rollback;
start transaction read only; select 1; end;
begin isolation level serializable; insert into q (n) values (3); abort;
begin; begin; insert into q (n) values (4); commit; commit; rollback;
begin; insert into q (n) values (5); commit and chain; insert into q (n) values (6); rollback and chain; insert into q (n) values (7); commit and no chain;
begin
; insert into q (n) values (8); insert into q (n) values (1); insert into q (n) values (9); commit;
insert into q (n) values (10);
begin; insert into q (n) values (11);

-- modes: stop continue
create table q (i serial, n int);
set default_transaction_read_only = on;
insert into q (n) values (1);
begin read write; insert into q (n) values (2); commit;
reset default_transaction_read_only;
insert into q (n) values (3);
begin; set transaction read only; insert into q (n) values (4); rollback;
set transaction read only; insert into q (n) values (5);
set transaction isolation level serializable;
begin; select 1; set transaction isolation level serializable; commit;
insert into q (n) values (6);

-- modes: single
-- differs single: Heimdall has asked something in the transaction before the script begins
set transaction isolation level repeatable read;
create table q (i int);
insert into q values (1);
set transaction read only;
insert into q values (2);

-- modes: single stop continue
-- errors:
set client_min_messages = warning;
begin transaction;
create table q (i serial);
insert into q default values;
commit;

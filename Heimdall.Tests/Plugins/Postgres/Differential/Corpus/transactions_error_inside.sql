-- modes: stop continue
-- errors: 22012@6 25P02@7 25P02@8 23505@13
create table q (i serial, n int primary key);
begin;
insert into q (n) values (1);
insert into q (n) values (1/0);
insert into q (n) values (2);
select 1;
commit;
insert into q (n) values (3);
begin;
insert into q (n) values (4);
insert into q (n) values (3);
rollback;
insert into q (n) values (5);

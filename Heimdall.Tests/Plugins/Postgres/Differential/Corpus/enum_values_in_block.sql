-- modes: stop continue
-- errors: 55P04@7 25P02@8
create type third as enum ('a');
create table z (o third);
begin;
alter type third add value 'b';
insert into z values ('b');
insert into z values ('a');
rollback;
insert into z values ('a');

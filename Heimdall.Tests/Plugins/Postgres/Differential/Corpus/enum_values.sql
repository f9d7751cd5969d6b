-- modes: single stop continue
create type mood as enum ('sad');
alter type mood add value 'ok' before 'sad';
create table q (m mood); insert into q values ('sad'); insert into q values ('ok'); create type old as enum ('a');
alter type old add value 'b'; create table w (o old); insert into w values ('b');
create type third as enum ('a');
create table z (o third);
savepoint x;
alter type third add value 'b';
insert into z values ('b');
insert into z values ('a');
rollback to x;
insert into z values ('a');

-- modes: continue
-- errors: 42601@6
-- variable c: "-- x"
create table q (i serial, t text);
insert into q (t) values ('1') :c ; insert into q (t) values ('2');
insert into q :c (t) values ('3'); insert into q (t) values ('4');
insert into q (t) :c
values ('5');

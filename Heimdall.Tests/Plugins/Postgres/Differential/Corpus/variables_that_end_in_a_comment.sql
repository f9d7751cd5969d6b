-- modes: single stop continue
-- errors:
-- variable c: "-- x"
create table q (i serial, t text);
:c insert into q (t) values ('1'); insert into q (t) values ('2');
insert into q (t) values ('3') :c ; insert into q (t) values ('4');
;insert into q (t) values ('5');

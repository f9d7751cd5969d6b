-- modes: single stop continue
-- errors: 42P01@5
create table q (i serial);
insert into q default values;
insert into nope default values;

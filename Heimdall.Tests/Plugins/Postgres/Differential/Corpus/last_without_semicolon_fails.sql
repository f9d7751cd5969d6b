-- modes: single stop continue
-- errors: 22012@4
create table q (i int);
insert into q values (1/0)
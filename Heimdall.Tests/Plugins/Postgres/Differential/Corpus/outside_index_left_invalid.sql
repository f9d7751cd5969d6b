-- modes: stop continue
-- errors: 23505@5 23505@6
create table q (n int);
insert into q values (1), (1);
create unique index concurrently u on q (n);
create unique index concurrently u2 on q (n);
insert into q values (2);

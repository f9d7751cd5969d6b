-- modes: single stop continue
create table e$f (a$b$c int, _$ int, a$1 int); insert into e$f values (1, 2, 3);
select a$b$c from e$f where a$b$c = 1; insert into e$f values (2, 3, 4);
select 1 as x$$y; insert into e$f values (3, 4, 5);
create table a$$b$$ (i int); insert into a$$b$$ values (1);
prepare p$1 (int, int) as insert into e$f values ($1, $2, $1+$2); execute p$1(1, 2);
select é$x$ from e$f;
insert into e$f values (9, 9, 9);

-- modes: single stop continue
-- errors: 26000@11 26000@13
create table q (i int, t text);
prepare ins (int, text) as insert into q values ($1, $2 || ';');
execute ins (1, 'a'); execute ins(2, 'b;');
prepare "sel;" as select * from q; execute "sel;";
prepare one as select $1::int; execute one(1);
prepare many as select i from q where i > $1; execute many(0);
create table r as execute many(1);
explain execute many(1); explain analyze execute ins(3, 'c');
deallocate ins; execute ins (4, 'd');
insert into q values (5, 'e');
deallocate nope; deallocate all;
insert into q values (6, 'f');

-- modes: single stop continue
create table q (i int);
create table log (t text);
create rule r as on insert to q do also (insert into log values ('a;'); insert into log values ('b'););
create rule r2 as on delete to q do (
  insert into log select old.i; -- one;
  insert into log values (')');
);
insert into q values (1), ((((2))));
delete from q where i = (1);
insert into log values ((select count(*)::text from q));
insert into q values (3;
insert into q values (4);
insert into q values (5));
insert into q values (6));
insert into q values (7);

-- modes: single stop continue
-- errors: 22012@5 42703@6
create table q (ä text);
insert into q values ('😀;'), ('é');
insert into q values ((1/0)::text); -- €
insert into q (Ä) values ('x');

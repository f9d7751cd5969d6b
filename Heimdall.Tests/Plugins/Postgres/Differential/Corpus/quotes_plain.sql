-- modes: single stop continue
-- errors: 22012@6 42703@10
create table q (id int, t text);
insert into q values (1, 'semi;colon'), (2, 'it''s'), (3, ''''), (4, ''), (5, '--no comment'), (6, '/* none'), (7, 'back\slash\');
insert into q values (8, 'over
two; lines'); insert into q values (9, (1/0)::text);
insert into q values (10, '$$'), (11, '"'), (12, 'E''');
insert into q values (13, 'a;
b'), (14,
  nope);
insert into q values (15, ';');

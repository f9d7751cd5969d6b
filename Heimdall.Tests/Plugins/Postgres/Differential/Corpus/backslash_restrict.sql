-- modes: single stop continue
-- errors: 22012@7
\restrict abcDEF123
create table q (i int);
\unrestrict abcDEF123
insert into q values (1);
select 1/0;

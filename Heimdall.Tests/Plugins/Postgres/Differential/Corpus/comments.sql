-- modes: single stop continue
create table q (i int); -- insert into q values (0);
/* insert; /* nested; */ still; ' " $$ */ insert into q values (1);
insert /* ; */ into q -- ;
values (2) /* /* /* deep */ */ */ ;/**/insert into q values (3)/**/;--
insert into q values (4 /* - */ - /*-*/ - 1);
insert into q values (5) -- no semicolon on this line
;
select 2 --1
 ;
select 1/*;*//--
0;
insert into q values (6 - -1);
select 1 -/* -- */- 1, '/*', 2 */*x*/ 3;
/***/ insert into q values (7); /*/**/*/
-- ' " $a$ /*
insert into q values (8);

-- modes: single stop continue
-- errors: 42601@3
selec 1;
create table q (i int);

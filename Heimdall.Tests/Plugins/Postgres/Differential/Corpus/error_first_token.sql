-- modes: single stop continue
) create table q (i int); create table r (i int);
create table s (i int);

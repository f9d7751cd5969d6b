-- modes: single stop continue
create table q (i int);
declare held cursor with hold for select generate_series(1, 5);
fetch 2 from held; move 1 in held; fetch all from held; close held;
declare held scroll cursor with hold for select generate_series(1, 5);
fetch last from held; fetch backward 2 from held; fetch absolute 1 from held; fetch first in held;
declare c cursor for select generate_series(1, 5);
fetch c;
insert into q values (1);
close all;
fetch held;
insert into q values (2);

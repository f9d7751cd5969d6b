-- modes: stop continue
create table q (i int);
declare outside cursor for select 1;
begin;
insert into q values (1), (2), (3);
declare c cursor for select i from q order by i for update;
fetch c;
update q set i = 10 where current of c;
move next in c; delete from q where current of c;
declare h cursor with hold for select i from q order by i;
commit;
fetch h; fetch c; fetch h;
insert into q values (20);
close h; close h;
insert into q values (30);

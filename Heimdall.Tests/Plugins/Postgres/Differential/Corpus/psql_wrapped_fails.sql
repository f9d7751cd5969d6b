-- modes: single
-- errors: 22012@5
start transaction;
create table q (i serial);
select 1/0;
insert into q default values;
end;

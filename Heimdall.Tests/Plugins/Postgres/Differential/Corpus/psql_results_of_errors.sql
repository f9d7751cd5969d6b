-- modes: continue
-- errors: 22012@4 42P01@8
create table q (i serial, t text);
select 1/0;
insert into q (t) values (:'ERROR' || :'SQLSTATE' || :'LAST_ERROR_SQLSTATE' || :'LAST_ERROR_MESSAGE' || :ROW_COUNT);
insert into q (t) values (:'ERROR' || :'SQLSTATE' || :'LAST_ERROR_SQLSTATE' || :'LAST_ERROR_MESSAGE' || :ROW_COUNT);

select * from nope;
\if :ERROR
insert into q (t) values (:'LAST_ERROR_MESSAGE');
\endif

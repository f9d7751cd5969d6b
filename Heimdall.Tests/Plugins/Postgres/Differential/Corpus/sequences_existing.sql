-- modes: stop continue
create sequence s;
begin; select nextval('s'); select nextval('s'); rollback;
select nextval('s');
begin; select nextval('s'), 1/0; commit;
begin; select setval('s', 100); rollback;
select nextval('s');
begin; alter sequence s restart with 500; rollback; select nextval('s');
select nextval('s') / 0;
select currval('s');

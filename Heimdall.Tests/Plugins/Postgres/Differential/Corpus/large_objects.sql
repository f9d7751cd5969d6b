-- modes: stop continue
create table q (i oid);
insert into q select lo_create(900001);
select lo_put(900001, 0, 'abc;');
begin; select lo_open(900001, 131072), lowrite(0, 'xyz'), lo_lseek(0, 1, 0), loread(0, 10), lo_close(0); commit;
select lo_open(900001, 131072); select lowrite(0, 'never');
select lo_create(900001);
select lo_from_bytea(900002, 'de;'); select lo_get(900002);
comment on large object 900002 is 'x;';
select lo_unlink(900003);
grant select on large object 900001 to public;
insert into q values (1);

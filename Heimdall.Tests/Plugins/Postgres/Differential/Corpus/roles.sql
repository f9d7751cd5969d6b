-- modes: single stop continue
-- alone
create role differential_a; create role differential_b noinherit; create user differential_c password 'x;';
grant differential_a to differential_b with admin option;
create table q (t text);
grant select, insert on q to differential_a with grant option; grant usage, create on schema public to differential_b; revoke create on schema public from differential_b;
set role differential_a; insert into q values (current_user), (session_user);
select * from pg_authid;
reset role;
insert into q values (current_user);
revoke all on q from differential_a; drop role differential_a, differential_b, differential_c; revoke all on schema public from differential_b;

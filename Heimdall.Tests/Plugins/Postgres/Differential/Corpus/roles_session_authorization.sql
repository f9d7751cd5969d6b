-- modes: single stop continue
-- alone
create role differential_a;
create table q (t text); grant all on q to differential_a;
do $$ begin execute format('grant usage, create on schema %I to differential_a', current_schema); end $$;
set session authorization differential_a;
create table own (t text); insert into own values (session_user); insert into q values (current_user || ';');
reset session authorization;
set local role differential_a; insert into q values (current_user);
set local session authorization default; insert into q values (current_user);
alter table own owner to postgres;
alter default privileges for role differential_a grant select on tables to public;
set session authorization differential_missing;
insert into q values ('after');

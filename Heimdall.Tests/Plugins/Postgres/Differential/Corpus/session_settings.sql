-- modes: single stop continue
create table q (t text);
set datestyle = german; insert into q values (date '2020-02-01'::text);
set timezone = 'America/St_Johns'; insert into q values (timestamptz '2020-02-01 00:00 UTC'::text);
set intervalstyle = iso_8601; insert into q values (interval '1 day'::text);
set extra_float_digits = -3; insert into q values ((1/3.0::float8)::text);
set bytea_output = escape; insert into q values ('\x41'::bytea::text);
set search_path = pg_catalog; reset search_path; insert into q values (current_setting('bytea_output'));
set local datestyle = iso; insert into q values (current_setting('datestyle'));
set my.own = 'x;'; insert into q values (current_setting('my.own'));
reset all; insert into q values (current_setting('datestyle')), (current_setting('my.own', true));
set nonsense.x to default;
set session characteristics as transaction read only;
insert into q values (current_setting('transaction_read_only'));

-- modes: single stop continue
create table q (name text, setting text);
insert into q select name, setting from pg_settings
  where name in ('datestyle', 'timezone', 'intervalstyle', 'extra_float_digits', 'bytea_output', 'client_encoding', 'client_min_messages', 'lock_timeout',
    'default_transaction_isolation', 'transaction_isolation', 'standard_conforming_strings', 'statement_timeout', 'lc_messages', 'search_path', 'role', 'row_security')
  and name <> 'search_path' order by name;

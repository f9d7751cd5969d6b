-- modes: single stop continue
-- errors:
create/**/table/*;*/"q;"--;
(i/* /*;*/ */int,"b""" text default E'\';'||$x$;'$x$||U&'\003B;'||';'
';') ; insert into "q;" (i) values (1)--
;/* */;
insert into"q;"(i)values(2),(3);create function f()returns int language sql return 1;do $$begin end$$;select 1 where true;select f()from"q;"where"b"""like';%'

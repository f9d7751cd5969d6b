-- modes: single stop continue
-- errors: 42601@7 42601@8 42601@9 42601@12 42601@13 42601@14 42601@15 42601@17 42601@19 42601@20
-- variable N: "1"
-- variable nn: "2"
-- variable n_: "3"
create table q (i serial, t text);
insert into q (t) select t from unnest(array['a', 'b', 'c']) t where :unknown;
select :'unknown';
select :"unknown";
insert into q (t) values ((array['a','b','c'])[1]), ((array['a','b','c'])[1:2]::text), ((array['a','b','c'])[ : 2]::text), ((array['a','b','c'])[:]::text), ((array['a','b','c'])[2:]::text);
insert into q (t) values (1::text), ('2'::int :: text), (cast(3 as text)::varchar::text);
select :;
select : n;
select :n ;
select :'n;
;';
select :"n ;
";
select :'';
select :"";

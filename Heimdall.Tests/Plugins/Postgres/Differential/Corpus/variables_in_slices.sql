-- modes: continue
-- errors: 42704@11 42704@13 42601@15 42601@16
-- variable lo: "2"
-- variable hi: "3"
-- variable range: "2:4"
-- variable 2: ": 3"
create table q (i serial, t text);
insert into q (t) select a[:lo]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[:lo:3]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[:lo : :hi]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[:lo::hi]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[:lo:hi]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[1::hi]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[1: :hi]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[::hi]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[:::hi]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[:range]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[1:2]::text from (select array['a','b','c','d']) s (a);
insert into q (t) select a[1:3]::text from (select array['a','b','c','d']) s (a);

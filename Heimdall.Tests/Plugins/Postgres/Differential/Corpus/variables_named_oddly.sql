-- modes: single stop continue
-- errors:
-- variable é: "'accent'"
-- variable _: "1"
-- variable _1: "2"
-- variable 1a: "3"
-- variable A: "4"
-- variable a: "5"
-- variable Aa_9: "6"
-- variable 日本: "Japan"
create table q (i serial, t text);
insert into q (t) values (:é), (:'é'), (:_), (:_1), (:1a), (:A), (:a), (:Aa_9);
insert into q (t) values (:'日本'), (:'_'), (:'1a'), (:'A');
insert into q (t) values (:{?a}), (:{?b}), (:{?é});
insert into q (t) select 'a' where :{?a} and not :{?A1};

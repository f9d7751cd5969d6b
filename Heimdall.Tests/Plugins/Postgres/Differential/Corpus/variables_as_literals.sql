-- modes: single stop continue
-- errors:
-- variable plain: "abc"
-- variable empty: ""
-- variable space: "  "
-- variable quote: "O'Hara"
-- variable quotes: "'''"
-- variable dquote: "a \"b\" c"
-- variable backslash: "c:\\x\\"
-- variable both: "\\'"
-- variable accent: "é😀"
-- variable lines: "one\ntwo\r\n\tthree\n"
-- variable semi: "a; select 1/0; b"
-- variable colon: ":plain"
-- variable colons: "::plain :'quote' :\"dquote\""
-- variable comment: "-- x"
-- variable block: "/* y"
-- variable dollar: "$$ $a$"
-- variable percent: "%s %1$s"
-- variable null: "NULL"
create table q (i serial, t text);
insert into q (t) values (:'plain');
insert into q (t) values (:'empty');
insert into q (t) values (:'space');
insert into q (t) values (:'quote');
insert into q (t) values (:'quotes');
insert into q (t) values (:'dquote');
insert into q (t) values (:'backslash');
insert into q (t) values (:'both');
insert into q (t) values (:'accent');
insert into q (t) values (:'lines');
insert into q (t) values (:'semi');
insert into q (t) values (:'colon');
insert into q (t) values (:'colons');
insert into q (t) values (:'comment');
insert into q (t) values (:'block');
insert into q (t) values (:'dollar');
insert into q (t) values (:'percent');
insert into q (t) values (:'null');
insert into q (t) values (:'quote'), (:'backslash' || :'both'), ('a' || :'plain'||:'empty'||'b');
set standard_conforming_strings = off;
insert into q (t) values (:'quote'), (:'backslash'), (:'both'), ('\'' || :'dquote');

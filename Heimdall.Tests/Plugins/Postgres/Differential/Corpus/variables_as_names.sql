-- modes: single stop continue
-- errors:
-- variable plain: "abc"
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
create table q (i serial);
create table :"plain" (:"plain" text default :'plain');
insert into :"plain" default values;
create table :"space" (:"space" text default :'space');
insert into :"space" default values;
create table :"quote" (:"quote" text default :'quote');
insert into :"quote" default values;
create table :"quotes" (:"quotes" text default :'quotes');
insert into :"quotes" default values;
create table :"dquote" (:"dquote" text default :'dquote');
insert into :"dquote" default values;
create table :"backslash" (:"backslash" text default :'backslash');
insert into :"backslash" default values;
create table :"both" (:"both" text default :'both');
insert into :"both" default values;
create table :"accent" (:"accent" text default :'accent');
insert into :"accent" default values;
create table :"lines" (:"lines" text default :'lines');
insert into :"lines" default values;
create table :"semi" (:"semi" text default :'semi');
insert into :"semi" default values;
create table :"colon" (:"colon" text default :'colon');
insert into :"colon" default values;
create table :"colons" (:"colons" text default :'colons');
insert into :"colons" default values;
create table :"comment" (:"comment" text default :'comment');
insert into :"comment" default values;
create table :"block" (:"block" text default :'block');
insert into :"block" default values;
create table :"dollar" (:"dollar" text default :'dollar');
insert into :"dollar" default values;
create table :"percent" (:"percent" text default :'percent');
insert into :"percent" default values;
create table :"null" (:"null" text default :'null');
insert into :"null" default values;
select t.:"dquote" from :"dquote" t;
select t.:"plain"from :"plain"as t;

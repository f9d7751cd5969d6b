-- modes: single stop continue
-- errors: 22012@7 42703@10
create table q (t text);
insert into q values ('a
b;');
-- comment; 
insert into q values ((1/0)::text)
;
insert into
q values (nope);
copy q from stdin;
one
two
\.
insert into q values ($$x
;$$);

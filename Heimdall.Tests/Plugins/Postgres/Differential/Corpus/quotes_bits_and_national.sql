-- modes: single stop continue
create table q (id serial, b bit varying, t text);
insert into q (b) values (B'1010'), (b''), (X'1f;'::text::bit(3));
insert into q (b) values (B'1010'), (b''), (X'1F'), (x'a0');
insert into q (t) values (N'nat;ional'), (n'it''s'), (N'back\');
insert into q (b) values (B'102');
insert into q (b) values (B'1;0');
insert into q (t) values ('after');

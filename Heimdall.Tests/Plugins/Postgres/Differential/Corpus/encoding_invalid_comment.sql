-- modes: single stop continue
create table q (t text);
-- ÿ a comment
insert into q values ('after');

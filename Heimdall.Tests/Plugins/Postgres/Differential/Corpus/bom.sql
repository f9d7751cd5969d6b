-- modes: single stop continue
-- errors: 22012@4
create table q (t text);
insert into q values ((1/0)::text);
insert into q values ('﻿;');
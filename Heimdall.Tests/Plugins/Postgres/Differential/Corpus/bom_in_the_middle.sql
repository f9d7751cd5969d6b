-- modes: single stop continue
-- errors: 42601@3
select ﻿ 1 1;

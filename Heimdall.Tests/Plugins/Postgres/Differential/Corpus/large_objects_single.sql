-- modes: single
-- errors:
select lo_create(900011); select lo_put(900011, 0, 'abc;');
select lo_open(900011, 131072), lowrite(0, 'xyz'); select lo_lseek(0, 2, 0), lowrite(0, '!'); select lo_close(0);

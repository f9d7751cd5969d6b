-- modes: single stop continue
	create	table	q(ttext); insert into q values (1);
insert into q values (2);

-- modes: single stop continue
create table q (t text);
listen one; listen "two;"; notify one; notify one, 'payload;'; select pg_notify('two;', 'x');
insert into q values ('a');
unlisten one; unlisten *; notify "two;";
insert into q select pg_listening_channels();
notify one, 1;
insert into q values ('b');

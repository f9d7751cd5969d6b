-- modes: single stop continue
create table q (id serial, t text);
insert into q (t) values ($$a;b$$), ($x$a;$$;b$x$), ($x$ $y$ ; $y$ $x$), ($_1$;$_1$), ($é$;$é$), ($$'$$), ($$"$$), ($$--$$), ($$/*$$);
insert into q (t) values ($x$ $X$ $x$), ($x$$$x$), ($a$ $a $a$), ($$$$);
do $outer$
begin
  execute $inner$insert into q (t) values ($$nested;$$)$inner$;
  perform 1; -- a comment with '
end;
$outer$;
do $$ begin raise exception 'x;' using errcode = '22012'; end $$;
insert into q (t) values ($a$no end of a line
$$ $b$ ; $a$);
insert into q (t) values ('after');

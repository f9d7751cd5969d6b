-- modes: single stop continue
create table q (t text);
do $$ begin raise exception using errcode = '22000'; end $$;
do $$ begin raise exception using errcode = '40001'; end $$;
do $$ begin raise exception using errcode = '40P01'; end $$;
do $$ begin raise exception using errcode = '54000'; end $$;
do $$ begin raise exception using errcode = '55P03'; end $$;
do $$ begin raise exception using errcode = '57014'; end $$;
do $$ begin raise exception using errcode = '08000'; end $$;
do $$ begin raise exception using errcode = '28000'; end $$;
do $$ begin raise exception using errcode = '3D000'; end $$;
do $$ begin raise exception using errcode = 'HX001'; end $$;
do $$ begin raise exception using errcode = 'P0001'; end $$;
do $$ begin raise exception using errcode = '02000'; end $$;
do $$ begin raise warning using errcode = 'XX000'; end $$;
do $$ begin raise notice using errcode = '53000'; end $$;
insert into q values ('after');

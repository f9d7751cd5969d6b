namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>
/// What generated scripts are made of. <c>~</c> is space of any kind, <c>{lit}</c> a text, <c>{n}</c> a number, <c>{t}</c> a table,
/// <c>{id}</c> one of a few names for what is made and dropped. Nothing here may depend on the time, a random number or an OID:
/// the two databases are compared byte for byte.
/// </summary>
internal static class ScriptGrammar
{
    public static readonly string[] Tables = ["t1", "t2", "\"t;3\"", "t1", "T2"];

    public static readonly string[] Prologue =
    [
        "create table t1 (i serial primary key, n int default 0 check (n < 900), x text)",
        "create table t2 (i int generated always as identity, n int, x text, unique (n, x) deferrable initially deferred)",
        "create table \"t;3\" (i serial, n int, x text)",
        "create sequence s1",
        "create type mood as enum ('sad', 'ok;')",
        "create procedure committing(n int) language plpgsql as $$ begin insert into t1 (n) values (n); commit; insert into t1 (n) values (n); rollback; end $$",
    ];

    /// <summary>What mostly works.</summary>
    public static readonly string[] Good =
    [
        "insert~into~{t}~(n,~x)~values~({n}~,{lit})", "insert into {t} (n, x) values ({n}, {lit}), ({n}, {lit}) returning *", "insert~into~{t}~(x)~select~{lit}",
        "insert into t1 (n) select generate_series({n}, {n})",
        "update~{t}~set~x~=~{lit}~where~n~=~{n}", "update {t} set n = n + 100 where i % 3 = {n}", "delete~from~{t}~where~n={n}", "truncate {t}~restart~identity",
        "with~w~as~(delete from {t} where n = {n} returning *) insert into t1 (n, x) select n, x from w", "select~*~from~{t}", "select {lit}, {lit}~,~{n}", "table {t}", "values~({lit})",
        "merge into t1 using (values ({n}), ({n} + 1)) as v (n) on t1.n = v.n when matched then update set x = {lit} when not matched then insert (n) values (v.n)",
        "select~nextval('s1')", "select setval('s1', {n} + 1)", "alter sequence s1 restart with 7", "select pg_advisory_xact_lock({n})", "select {lit} as \"a;'b\"", "explain select * from {t}",
        "create table if not exists {id} as select * from t1", "drop~table~if~exists~{id}",
        "drop view if exists v{n}", "create index if not exists ix{n} on {t} (n, (x || ';'))", "comment on table {t} is {word}",
        "create~or~replace~function~f{n}()~returns~int~language~sql~as~$f$~select~{n};~$f$", "drop function if exists f{n}",
        "create or replace function g{n}(a int) returns int begin atomic select 1; select case when a > {n} then 1 else case a when 2 then 3 end end; end",
        "create or replace procedure p{n}()~begin~atomic~insert into t1 (x) values ({lit});~insert into t1 (n) values ({n});~end",
        "create or replace rule r1 as on update to \"t;3\" do also (insert into t1 (x) values ({lit}); insert into t1 (n) values ({n});)", "drop rule if exists r1 on \"t;3\"",
        "do~$do$~begin~insert into t1 (n, x) values ({n}, {lit});~end~$do$", "do language plpgsql 'begin perform {n}; end'", "alter type mood add value if not exists 'm{n}'",
        "grant~select~on~{t}~to~public", "alter table {t} alter n set default {n}", "copy {t} to stdout", "copy (select {lit}) to stdout with (format csv)", "analyze {t}",
    ];

    /// <summary>What lives in the session, and what moves within a transaction.</summary>
    public static readonly string[] Session =
    [
        "set~my.own~=~{word}", "insert into t1 (x) values (current_setting('my.own', true))", "set local my.own = {word}", "reset all", "reset my.own", "savepoint~a", "savepoint \"b;\"",
        "deallocate all",
        "close all", "listen l{n}", "notify~l{n},~'p;'", "unlisten *",
        "discard temp", "lock~table~{t}~in~share~mode", "set constraints all immediate", "set constraints all deferred",
        "set datestyle = german", "select pg_advisory_lock({n})", "select pg_advisory_unlock_all()", "set search_path to default", "show my.own", "set statement_timeout = '10s'",
    ];

    /// <summary>What works or not, as it comes.</summary>
    public static readonly string[] Fragile =
    [
        "insert into {id} values ({n})", "alter table {id} add x{n} text default {lit}", "select f{n}()", "select g{n}({n})",
        "call~p{n}()", "select 'm{n}'::mood", "insert into t1 (i, n) values ({n}, {n}) on conflict (i) do update set n = excluded.n~, x = {lit}", "rollback~to~a",
        "rollback work to savepoint \"b;\"", "release a", "execute~p{n}({n})", "prepare p{n} (int) as insert into t1 (n) values ($1)",
        "deallocate p{n}", "declare c{n} cursor with hold for select i from generate_series(1, 4) i", "fetch~{n}~from~c{n}", "move c{n}",
        "close c{n}", "create temp table tt{n} (i int)", "insert into tt{n} values ({n})", "select * from tt{n}",
        "set transaction read only", "create~table~{id}~(i~int,\"a;b\"~text~default~{lit})", "create or replace view v{n} as select n, {lit}::text as x from t1",
    ];

    public static readonly string[] Bad =
    [
        "select~1/0", "insert~into~nope~values~({lit})", "selec 1", "select~nope~from~{t}", "select 1/(2-i) from generate_series(1, 3) i", "insert into t1 (i) values (1), (1)", "insert into t1 (n) values (1000)",
        "insert into t2 (i) values (1)", "insert into t2 (n) values (5), (5)", "select {lit}::int", "select $1", "select~(1;2)", "select 1)", "create function bad{n}() returns int begin atomic select nope; select 1; end",
        "do $$ begin raise exception 'x;' using errcode = 'HX00{n}'; end $$", "do $do$ begin insert into t1 (n) values ({n}); perform 1/0; end $do$", "select f{n}(1, 2)", "drop table nope", "create table t1 ()", "update t1 set n = n + 1000",
        "rollback to nope", "release nope", "execute nope", "fetch nope", "close nope", "set nope = 1", "select 1,", "insert into t1 values", "copy nope to stdout", "copy t1 (nope) to stdout",
        "select * from t1 where x = {lit} and", "create index on t1 (nope)", "grant nope on t1 to public", "call nope()", "create or replace view v{n} as select 1 as other", "select 'm9'::mood", "alter type mood add value 'sad'",
    ];

    /// <summary>Commands of psql's, each on a line of its own.</summary>
    public static readonly string[] Commands =
    [
        "\\set n 3\n",
        "\\unset n\n",
        "\\pset null 'x' \\\\ select 1;\n",
        "\\timing on\n",
        "\\echo :n 'it''s' \"quoted\"\n",
        "\\if :{?n}\nselect 1;\n\\else\nselect 2;\n\\endif\n",
        "\\if false\nselect 'open ;\n\\! true\n';\n\\endif\n",
        "select 1 \\g\n",
        "select 1 as n \\gset\nselect :n;\n",
        "select 'select 1' from generate_series(1, 2) \\gexec\n",
    ];

    /// <summary>Refused in <c>single</c>.</summary>
    public static readonly string[] Transactions =
        ["begin", "begin", "BEGIN~WORK", "start~transaction", "begin isolation level repeatable read", "start transaction read only", "commit", "commit", "commit", "end", "rollback", "abort", "commit~and~chain", "rollback and chain", "prepare transaction 'x;'", "begin nope"];

    /// <summary>What has to have the session to itself, or commits on its own.</summary>
    public static readonly string[] Outside =
        ["vacuum~{t}", "create~index~concurrently~on~{t}~(n)", "reindex table concurrently {t}", "call~committing({n})", "do $$ begin insert into t1 (n) values ({n}); commit; insert into t1 (n) values ({n}); end $$", "discard~all"];

    /// <summary>After these the driver gives up the session; each has its line to itself.</summary>
    public static readonly string[] Fatal =
        ["do $$ begin raise exception using errcode = 'XX000'; end $$", "do $$ begin raise exception using errcode = '53000'; end $$", "do $$ begin raise exception using errcode = '58P01'; end $$"];

    /// <summary>Texts that mean the same to the lexer whatever standard_conforming_strings says.</summary>
    public static readonly string[] Literals =
    [
        "'plain'", "'it''s;'", "''", "'a;b'", "E'a\\'b;'", "e'\\\\'", "E'tab\\t;'", "$$a;b$$", "$x$ $$ ; ' $x$", "$é$;$é$", "U&'d\\0061;'", "u&'\\\\'", "N'n;'", "B'101'::text", "X'1F'::text", "'two\nlines;'", "'é😀;'",
        "'a\\\\b'", "'--'", "'/*'", "'\"'", "'one;'\n  'two;'", "null", "('a' || /* ' */ ';')", "(case when true then ';' end)", "'$1'", "'\u00a0'", "'\\\\n'", "repeat('long;', 300)", "'{n}'",
    ];

    public static readonly string[] Spaces = [" ", " ", " ", "  ", "\n", "\t", "\r\n", "/* c; */", " -- c; ' \" $$\n", "/* /* n; */ ' */", "\n\n  ", "/**/", " --\n"];

    public static readonly string[] Separators = ["\n", "\n", "\n", " ", "\n\n", "\n-- c; '\n", " /* ; */ ", ";", " ;;\n", "\r\n", "", "\t-- \\ \n", "\n/* of\ntwo lines */\n"];

    /// <summary>Copy data that leave no quote open, should they be read as SQL.</summary>
    public static readonly string[] Rows = ["1\ta", "2\tb;", "3\tnull", "4\té", "5\t;;", "6\t", "7\tselect 1;"];

    public static readonly string[] BadRows = ["x\ta", "8", "9\ta\tb", "1000\tc"];

    /// <summary>Where the data are certain to be taken for data, or to be the end.</summary>
    public static readonly string[] WildRows = ["17\t\\N", "10\t'", "11\t\"$$", "12\t/*", "13\t\\\\.", "14\ta\\tb", "15\t--", "16\t\\x41"];
}

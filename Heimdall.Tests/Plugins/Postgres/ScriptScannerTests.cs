using System.Text;
using Heimdall.Plugins.Postgres.Scripts;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Every script is read in pieces of several sizes: where the stream happens to cut it must never matter.</summary>
[CancelAfter(30_000)]
public sealed class ScriptScannerTests
{
    private static readonly int[] PieceSizes = [1, 2, 3, 7, int.MaxValue];

    [TestCase("", TestName = "An_empty_script_has_no_statement")]
    [TestCase(" \r\n\t\f\v", TestName = "Space_is_no_statement")]
    [TestCase("-- only this", TestName = "A_line_comment_is_no_statement")]
    [TestCase("/* only /* this */ */\n-- and this\r\n", TestName = "Comments_are_no_statement")]
    [TestCase(";; ;\n;", TestName = "Lone_semicolons_are_no_statements")]
    [TestCase("\uFEFF", TestName = "A_byte_order_mark_is_no_statement")]
    [TestCase("\\restrict abc\n-- x\n\\unrestrict abc", TestName = "What_pg_dump_puts_around_its_output_is_no_statement")]
    public async Task Nothing_to_run(string script, CancellationToken cancellationToken) =>
        Assert.That(await SplitAsync(script, cancellationToken), Is.Empty);

    [TestCase("select 1; select 2;", "select 1", "select 2")]
    [TestCase("select 1;\r\n\r\nselect 2\r\n", "select 1", "select 2")]
    [TestCase("\uFEFFselect 1", "select 1")]
    [TestCase("-- a\n/* b */ select 1 -- c\n; -- d", "select 1 -- c")]
    [TestCase("select -- a;\r b; c", "select -- a;\r b", "c")]
    [TestCase("select 'a;b', 'it''s;'; x", "select 'a;b', 'it''s;'", "x")]
    [TestCase(@"select 'a\'; x", @"select 'a\'", "x")]
    [TestCase(@"select E'a\';b'; x", @"select E'a\';b'", "x")]
    [TestCase(@"select e'\\'; x", @"select e'\\'", "x")]
    [TestCase(@"select E'a'';\';b'; x", @"select E'a'';\';b'", "x")]
    [TestCase(@"select type'a\'; x", @"select type'a\'", "x")]
    [TestCase(@"select $1e'a\'; x", @"select $1e'a\'", "x")]
    [TestCase(@"select $$a$$e'\';'; x", @"select $$a$$e'\';'", "x")]
    [TestCase("select E'a' \n -- and\n 'it\\'s;'; x", "select E'a' \n -- and\n 'it\\'s;'", "x")]
    [TestCase("select E'a' /**/ '\\'; x", "select E'a' /**/ '\\'", "x")]
    [TestCase(@"select B'01', X'1F', N'\', U&'\', u&'d\0061'; x", @"select B'01', X'1F', N'\', U&'\', u&'d\0061'", "x")]
    [TestCase("select \"a;\"\"b'\", U&\"c;\\\"; x", "select \"a;\"\"b'\", U&\"c;\\\"", "x")]
    [TestCase("select $$a;'$b$$; x", "select $$a;'$b$$", "x")]
    [TestCase("select $a$;$$;$b$;$a$; x", "select $a$;$$;$b$;$a$", "x")]
    [TestCase("select $a$;$b$a$; x", "select $a$;$b$a$", "x")]
    [TestCase("select $é_1$;$é_1$; x", "select $é_1$;$é_1$", "x")]
    [TestCase("select a$b$c; d$b$", "select a$b$c", "d$b$")]
    [TestCase("select é$b$c; d$b$", "select é$b$c", "d$b$")]
    [TestCase("select $1, $2$a; b$", "select $1, $2$a", "b$")]
    [TestCase("select 1$a$;$a$; x", "select 1$a$;$a$", "x")]
    [TestCase("select 2a$b$; x$b$", "select 2a$b$", "x$b$")]
    [TestCase("select /* ; /* ; */ ' ; */ 1; x", "select /* ; /* ; */ ' ; */ 1", "x")]
    [TestCase("select /*/ ; */ 1 /***/; x", "select /*/ ; */ 1 /***/", "x")]
    [TestCase("select 1 */* ;*/ 2 - -3 / 4; x", "select 1 */* ;*/ 2 - -3 / 4", "x")]
    [TestCase("select 1 +-- ;\n 2; x", "select 1 +-- ;\n 2", "x")]
    [TestCase("create rule r as on insert to t do (a; b); x", "create rule r as on insert to t do (a; b)", "x")]
    [TestCase("select ')', (\")\" /*)*/ ; ); x", "select ')', (\")\" /*)*/ ; )", "x")]
    [TestCase("select ); x", "select )", "x")]
    [TestCase("select (1; x", "select (1; x")]
    [TestCase("select élan, 'ü;' ; x", "select élan, 'ü;'", "x")]
    public async Task Splits_as_psql_does(string script, params string[] statements)
    {
        var split = await SplitAsync(script, TestContext.CurrentContext.CancellationToken);

        Assert.That(split.Select(s => s.Text), Is.EqualTo(statements));
    }

    [TestCase("create function f() returns int begin atomic select 1; select 2; end; x", 2)]
    [TestCase("CREATE OR REPLACE PROCEDURE p(begin int) BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END; SELECT 2; END; x", 2)]
    [TestCase("create /* c */ function f() begin atomic select (case when 1 then 2 end); select 1; end; x", 2)]
    [TestCase("create function f() begin atomic select 1;", 1)]
    [TestCase("create function f() as $$ begin select 1; end; $$ language plpgsql; x", 2)]
    [TestCase("create function f() as 'begin; end', case; x", 2)]
    [TestCase("create table begin (a int); x; end; y", 4)]
    [TestCase("create or replace view function as select begin; x", 2)]
    [TestCase("begin; select 1; end;", 3)]
    public async Task Only_the_body_of_a_routine_hides_semicolons_between_begin_and_end(string script, int statements)
    {
        var split = await SplitAsync(script, TestContext.CurrentContext.CancellationToken);

        Assert.That(split, Has.Count.EqualTo(statements));
    }

    [TestCase(@"select 'a\';b'; x", 2)]
    [TestCase(@"select N'a\';b'; x", 2)]
    [TestCase(@"select U&'a\';b; x", 3)]
    [TestCase(@"select X'a\';b; x", 3)]
    [TestCase("select \"a\\\";b; x", 3)]
    public async Task Without_standard_conforming_strings_plain_strings_have_escapes(string script, int statements)
    {
        foreach (var size in PieceSizes)
        {
            var split = await SplitAsync(Encoding.UTF8.GetBytes(script), size, standardConformingStrings: false, TestContext.CurrentContext.CancellationToken);

            Assert.That(split.Statements, Has.Count.EqualTo(statements));
        }
    }

    [Test]
    public async Task Standard_conforming_strings_hold_from_the_next_statement(CancellationToken cancellationToken)
    {
        await using var scanner = new ScriptScanner(new MemoryStream(@"set x; select 'a\'; select 'b\';';"u8.ToArray()));

        await scanner.ReadAsync(cancellationToken);
        var before = await ReadTextAsync(scanner, cancellationToken);
        scanner.StandardConformingStrings = false;
        var after = await ReadTextAsync(scanner, cancellationToken);

        Assert.That(before, Is.EqualTo(@"select 'a\'"));
        Assert.That(after, Is.EqualTo(@"select 'b\';'"));
    }

    [Test]
    public async Task Statements_know_their_number_line_and_column(CancellationToken cancellationToken)
    {
        const string script = "\uFEFF-- é\r\n  select '\n\n'; /* ü\n😀 */ select 2;select 3;\n\\restrict x\n\tselect 4";

        var split = await SplitAsync(script, cancellationToken);

        Assert.That(split.Select(s => (s.Number, s.Line, s.Column)), Is.EqualTo(new[] { (1, 2L, 3), (2, 5L, 6), (3, 5L, 15), (4, 7L, 2) }));
    }

    [Test]
    public async Task Bytes_read_end_at_the_statement_just_returned(CancellationToken cancellationToken)
    {
        await using var scanner = new ScriptScanner(new PiecewiseStream("\uFEFFselect 'é'; copy t from stdin;\na\n\\.\n -- end\n"u8.ToArray(), 3));

        await scanner.ReadAsync(cancellationToken);
        var first = scanner.BytesRead;
        await scanner.ReadAsync(cancellationToken);
        var second = scanner.BytesRead;
        await ReadDataAsync(scanner, (_, _) => ValueTask.CompletedTask, cancellationToken);
        var data = scanner.BytesRead;
        await scanner.ReadAsync(cancellationToken);

        Assert.That((first, second, data, scanner.BytesRead), Is.EqualTo((15L, 34L, 40L, 48L)));
    }

    [TestCase("select 1;\n select 'a; --", 2, 9, "quoted string")]
    [TestCase(@"select E'a\'", 1, 9, "quoted string")]
    [TestCase(@"select E'a\", 1, 9, "quoted string")]
    [TestCase("select \"é\", \"b", 1, 13, "quoted name")]
    [TestCase("select\n $a$ $$ $a", 2, 2, "$a$")]
    [TestCase("select 1; /* a\n /* */\n", 1, 11, "comment")]
    [TestCase("select 1 /* a *", 1, 10, "comment")]
    public async Task An_unterminated_quote_is_an_error_where_it_opened(string script, int line, int column, string what)
    {
        var error = await FailAsync(script);

        Assert.That((error.Line, error.Column), Is.EqualTo(((long)line, column)));
        Assert.That(error.Message, Does.Contain(what));
    }

    [TestCase("select 1;\n  \\copy t from x", 2, 3, @"\copy", "psql: true")]
    [TestCase("\\echo hi", 1, 1, @"\echo", "psql: true")]
    [TestCase("select 1\n\\gexec\n", 2, 1, @"\gexec", "psql: true")]
    [TestCase("select (1 \\; 2", 1, 11, @"\;", "psql: true")]
    [TestCase("select 1 \\restrict x", 1, 10, @"\restrict", "remove it")]
    [TestCase("\\restricted x", 1, 1, @"\restricted", "remove it")]
    [TestCase("/* a */ \\.\n", 1, 9, @"\.", "COPY ... FROM STDIN")]
    [TestCase("\\", 1, 1, "backslash", "remove it")]
    public async Task A_meta_command_is_refused_with_advice(string script, int line, int column, string command, string advice)
    {
        var error = await FailAsync(script);

        Assert.That((error.Line, error.Column), Is.EqualTo(((long)line, column)));
        Assert.That(error.Message, Does.Contain(command).And.Contain(advice));
    }

    [TestCase(new byte[] { 0 }, "zero byte")]
    public async Task Bytes_that_are_no_text_are_refused(byte[] bytes, string reason)
    {
        var error = await FailAsync([.. "select 1;\n select '\n"u8, .. bytes, .. "'; x"u8]);

        Assert.That((error.Line, error.Column), Is.EqualTo((2L, 2)));
        Assert.That(error.Message, Does.Contain(reason));
    }

    [TestCase("copy t from stdin", ScriptStatementKind.CopyFromStdin)]
    [TestCase("COPY \"a\".\"From\"\"x\" (\"a\", b, \"c\", \"d\", \"e\", \"f\", \"g\") -- to stdout\n FROM /* x */ STDIN WITH (FORMAT csv)", ScriptStatementKind.CopyFromStdin)]
    [TestCase("copy binary a.b.c from stdout", ScriptStatementKind.CopyFromStdin)]
    [TestCase("copy public.from from stdin", ScriptStatementKind.CopyFromStdin)]
    [TestCase("copy \"from\" to stdin", ScriptStatementKind.CopyToStdout)]
    [TestCase("copy (select 'from stdin', a from stdin) TO STDOUT", ScriptStatementKind.CopyToStdout)]
    [TestCase("copy t to '/tmp/x' -- to stdout\n", ScriptStatementKind.Sql)]
    [TestCase("copy t from 'stdin'", ScriptStatementKind.Sql)]
    [TestCase("copy t from \"stdin\"", ScriptStatementKind.Sql)]
    [TestCase("copy t from program 'x from stdin'", ScriptStatementKind.Sql)]
    [TestCase("select 'copy t from stdin'", ScriptStatementKind.Sql)]
    [TestCase("BEGIN", ScriptStatementKind.TransactionControl)]
    [TestCase("start transaction read only", ScriptStatementKind.TransactionControl)]
    [TestCase("Commit and chain", ScriptStatementKind.TransactionControl)]
    [TestCase("end", ScriptStatementKind.TransactionControl)]
    [TestCase("abort", ScriptStatementKind.TransactionControl)]
    [TestCase("rollback work", ScriptStatementKind.TransactionControl)]
    [TestCase("prepare transaction 'a'", ScriptStatementKind.TransactionControl)]
    [TestCase("commit prepared 'a'", ScriptStatementKind.TransactionControl)]
    [TestCase("rollback prepared 'a'", ScriptStatementKind.TransactionControl)]
    [TestCase("rollback to a", ScriptStatementKind.Sql)]
    [TestCase("rollback work to savepoint a", ScriptStatementKind.Sql)]
    [TestCase("savepoint a", ScriptStatementKind.Sql)]
    [TestCase("release a", ScriptStatementKind.Sql)]
    [TestCase("prepare a as select 1", ScriptStatementKind.Sql)]
    [TestCase("vacuum (full) t", ScriptStatementKind.OutsideTransaction)]
    [TestCase("create database a", ScriptStatementKind.OutsideTransaction)]
    [TestCase("drop tablespace a", ScriptStatementKind.OutsideTransaction)]
    [TestCase("alter database a set tablespace b", ScriptStatementKind.OutsideTransaction)]
    [TestCase("alter database a set work_mem = 1", ScriptStatementKind.Sql)]
    [TestCase("alter system set a = 1", ScriptStatementKind.OutsideTransaction)]
    [TestCase("create unique index concurrently on t (a)", ScriptStatementKind.OutsideTransaction)]
    [TestCase("create index i on t (concurrently)", ScriptStatementKind.Sql)]
    [TestCase("drop index concurrently if exists i", ScriptStatementKind.OutsideTransaction)]
    [TestCase("reindex (verbose, concurrently) table t", ScriptStatementKind.OutsideTransaction)]
    [TestCase("reindex (concurrently false, tablespace \"x\") table t", ScriptStatementKind.Sql)]
    [TestCase("reindex index concurrently i", ScriptStatementKind.OutsideTransaction)]
    [TestCase("reindex (tablespace \"x\") database d", ScriptStatementKind.OutsideTransaction)]
    [TestCase("reindex table t", ScriptStatementKind.Sql)]
    [TestCase("discard all", ScriptStatementKind.OutsideTransaction)]
    [TestCase("discard plans", ScriptStatementKind.Sql)]
    [TestCase("alter table if exists only a.b detach partition \"c\".d concurrently", ScriptStatementKind.OutsideTransaction)]
    [TestCase("alter table a detach partition b", ScriptStatementKind.Sql)]
    public async Task Tells_what_kind_a_statement_is(string script, object kind)
    {
        var split = await SplitAsync(script, TestContext.CurrentContext.CancellationToken);

        Assert.That(split.Single().Kind, Is.EqualTo(kind));
    }

    [TestCase("select 1", "SELECT")]
    [TestCase("((values (1)) union select 2)", "SELECT")]
    [TestCase("(with a as (delete from t) select 1)", "SELECT")]
    [TestCase("table t", "SELECT")]
    [TestCase("Insert into t values ('a')", "INSERT")]
    [TestCase("with recursive insert(a) as (select 1), \"b\" as materialized (delete from t), delete as (select 2) update t set a = 1", "UPDATE")]
    [TestCase("with a as (insert into t values (1))", "WITH")]
    [TestCase("create or replace temp recursive view v as select 1", "CREATE VIEW")]
    [TestCase("create unlogged table t as select 1", "CREATE TABLE")]
    [TestCase("create unique index on t (a)", "CREATE INDEX")]
    [TestCase("create or replace function f() returns int begin atomic select 1; end", "CREATE FUNCTION")]
    [TestCase("create constraint trigger t after insert on x", "CREATE TRIGGER")]
    [TestCase("create trusted procedural language l", "CREATE LANGUAGE")]
    [TestCase("create user u", "CREATE ROLE")]
    [TestCase("create user mapping for u", "CREATE USER MAPPING")]
    [TestCase("create foreign data wrapper w", "CREATE FOREIGN DATA WRAPPER")]
    [TestCase("create text search configuration c", "CREATE TEXT SEARCH CONFIGURATION")]
    [TestCase("alter default privileges grant select on tables to u", "ALTER DEFAULT PRIVILEGES")]
    [TestCase("alter table t rename to u", "ALTER TABLE")]
    [TestCase("alter operator class c using btree rename to d", "ALTER OPERATOR CLASS")]
    [TestCase("drop materialized view v", "DROP MATERIALIZED VIEW")]
    [TestCase("drop owned by u", "DROP OWNED")]
    [TestCase("refresh materialized view v", "REFRESH MATERIALIZED VIEW")]
    [TestCase("truncate t", "TRUNCATE TABLE")]
    [TestCase("lock t", "LOCK TABLE")]
    [TestCase("declare c cursor for select 1", "DECLARE CURSOR")]
    [TestCase("close c", "CLOSE CURSOR")]
    [TestCase("set constraints all deferred", "SET CONSTRAINTS")]
    [TestCase("set a.b = 1", "SET")]
    [TestCase("grant select (a, b), insert on t to u", "GRANT")]
    [TestCase("revoke \"on\" from u", "REVOKE ROLE")]
    [TestCase("end", "COMMIT")]
    [TestCase("abort", "ROLLBACK")]
    [TestCase("start transaction", "START TRANSACTION")]
    [TestCase("commit prepared 'a'", "COMMIT PREPARED")]
    [TestCase("do $$begin end$$", "DO")]
    [TestCase("copy t from stdin", "COPY")]
    [TestCase("/* a */ explain (analyze) select 1", "EXPLAIN")]
    [TestCase("create", "CREATE")]
    [TestCase("'select'", "???")]
    [TestCase("= 1", "???")]
    [TestCase("séléct 1", "???")]
    public async Task Names_a_statement_as_the_server_does(string script, string tag)
    {
        var split = await SplitAsync(script, TestContext.CurrentContext.CancellationToken);

        Assert.That(split.Single().Tag, Is.EqualTo(tag));
    }

    [TestCase("copy t from stdin;\n1\ta\n\\.\nselect 1;", "1\ta\n", 2)]
    [TestCase("copy t from stdin; -- data\r\n1\r\n\\.\r\nselect 1;", "1\r\n", 2)]
    [TestCase("copy t from stdin;\n\\.\nselect 1;", "", 2)]
    [TestCase("copy t from stdin;\na;'\n\\N\n\\.x\n x\\.\n\\.\r\r\n\n\\\\.\n\\.\nselect 1;", "a;'\n\\N\n\\.x\n x\\.\n\\.\r\r\n\n\\\\.\n", 2)]
    [TestCase("copy t from stdin;\n1\n2", "1\n2", 1)]
    [TestCase("copy t from stdin;\n1\n\\", "1\n\\", 1)]
    [TestCase("copy t from stdin;\n1\n\\.", "1\n\\.", 1)]
    [TestCase("copy t from stdin;\n1\n\\.\r", "1\n\\.\r", 1)]
    [TestCase("copy t from stdin;", "", 1)]
    [TestCase("copy t from stdin", "", 1)]
    [TestCase("copy t from stdin;\n1\n\\.\ncopy t from stdin;\n2\n\\.\n", "1\n2\n", 2)]
    public async Task Copy_data_ends_at_its_terminator_or_with_the_script(string script, string data, int statements)
    {
        foreach (var size in PieceSizes)
        {
            var split = await SplitAsync(Encoding.UTF8.GetBytes(script), size, standardConformingStrings: true, TestContext.CurrentContext.CancellationToken);

            Assert.That(split.Data, Is.EqualTo(data));
            Assert.That(split.Statements, Has.Count.EqualTo(statements));
        }
    }

    [Test]
    public async Task Lines_go_on_counting_over_copy_data(CancellationToken cancellationToken)
    {
        var split = await SplitAsync("copy t from stdin;\n1\n2\n\\.\n select 1;", cancellationToken);

        Assert.That((split[1].Line, split[1].Column), Is.EqualTo((5L, 2)));
    }

    [TestCase("copy t from stdin; select 1;\n1\n\\.\n", "copy t from stdin", "select 1")]
    [TestCase("copy t from stdin; select\n1\n\\.\n2; x", "copy t from stdin", "select\n2", "x")]
    [TestCase("copy t from stdin; copy u from stdin; -- ;\n1\n\\.\n1\n\\.\nx;", "copy t from stdin", "copy u from stdin", "x")]
    [TestCase("copy t from stdin; x", "copy t from stdin", "x")]
    public async Task Sql_behind_a_copy_on_its_line_is_read_behind_the_data(string script, params string[] statements)
    {
        var split = await SplitAsync(script, TestContext.CurrentContext.CancellationToken);

        Assert.That(split.Select(s => s.Text), Is.EqualTo(statements));
    }

    [Test]
    public async Task Copy_data_that_nobody_began_is_read_as_sql(CancellationToken cancellationToken)
    {
        await using var scanner = new ScriptScanner(new MemoryStream("copy t from stdin;\nselect 1;"u8.ToArray()));

        await scanner.ReadAsync(cancellationToken);
        var next = await ReadTextAsync(scanner, cancellationToken);

        Assert.That(next, Is.EqualTo("select 1"));
    }

    [Test]
    public async Task Copy_data_whose_sink_failed_is_skipped(CancellationToken cancellationToken)
    {
        await using var scanner = new ScriptScanner(new PiecewiseStream("copy t from stdin;\n1\n2\n3\n\\.\nselect 1;"u8.ToArray(), 2));

        await scanner.ReadAsync(cancellationToken);
        await Assert.ThatAsync(() => ReadDataAsync(scanner, (_, _) => throw new IOException(), cancellationToken), Throws.TypeOf<IOException>());
        var next = await ReadTextAsync(scanner, cancellationToken);

        Assert.That(next, Is.EqualTo("select 1"));
    }

    [TestCase("select '", "'")]
    [TestCase("select $a$", "$a$")]
    [TestCase("select \"", "\"")]
    [TestCase("select /*", "*/")]
    [TestCase("select 1 + ", "")]
    [TestCase("create function ", "")]
    public async Task A_long_statement_takes_time_in_proportion(string head, string tail)
    {
        // 8 MB in small pieces: reading from the start again after each would be 32 GB.
        var script = Encoding.UTF8.GetBytes($"{head}{new string('x', 8 << 20)}{tail}; x");

        var split = await SplitAsync(script, 1024, standardConformingStrings: true, TestContext.CurrentContext.CancellationToken);

        Assert.That(split.Statements.Select(s => s.Text.Length), Is.EqualTo(new[] { script.Length - 3, 1 }));
    }

    [Test]
    public async Task A_long_comment_before_a_statement_is_not_held(CancellationToken cancellationToken)
    {
        var script = Encoding.UTF8.GetBytes($"/*{new string('x', 16 << 20)}*/ select 1");
        await using var scanner = new ScriptScanner(new PiecewiseStream(script, int.MaxValue));
        var before = GC.GetAllocatedBytesForCurrentThread();

        var statement = await scanner.ReadAsync(cancellationToken);

        Assert.That(statement!.Column, Is.EqualTo((16 << 20) + 6));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test]
    public async Task The_stream_is_disposed_with_the_scanner()
    {
        var stream = new MemoryStream();

        await new ScriptScanner(stream).DisposeAsync();

        Assert.That(stream.CanRead, Is.False);
    }

    [Test]
    public async Task Any_bytes_are_split_the_same_whatever_the_pieces(CancellationToken cancellationToken)
    {
        string[] alphabet =
        [
            "'", "'", "\"", "$", "$", "a", "e", "E", "u&", "1", "$a$", "-", "-- ", "/", "*", "/*", "*/", "(", ")", ";", ";", ";", "\\", "\\.", "\n\\.\n",
            "\n", "\r", " ", "é", "\uFEFF", ".", ",", "copy t from stdin;\n", "create function f ", "begin ", "case ", "end ", "with a as (", "reindex (", "\\restrict x\n",
        ];
        var random = new Random(20260101);

        for (var i = 0; i < 4000; i++)
        {
            var script = Encoding.UTF8.GetBytes(string.Concat(random.GetItems(alphabet, random.Next(1, 40))));

            if (random.Next(8) == 0)
            {
                script[random.Next(script.Length)] = (byte)random.Next(256);
            }

            var standard = random.Next(4) > 0;
            var whole = await DescribeAsync(script, int.MaxValue, standard, cancellationToken);

            Assert.That(await DescribeAsync(script, random.Next(1, 9), standard, cancellationToken), Is.EqualTo(whole), () => $"round {i}: {Encoding.UTF8.GetString(script)}");
        }
    }

    private static async Task<string> DescribeAsync(byte[] script, int pieceSize, bool standard, CancellationToken cancellationToken)
    {
        var statements = new List<ReadStatement>();

        try
        {
            var split = await SplitAsync(script, pieceSize, standard, cancellationToken, statements);

            return $"{string.Join('\n', statements)}\n{split.Data}";
        }
        catch (ScriptException e)
        {
            return $"{string.Join('\n', statements)}\n{e.Line}:{e.Column} {e.Message}";
        }
    }

    private static async Task<IReadOnlyList<ReadStatement>> SplitAsync(string script, CancellationToken cancellationToken)
    {
        var bytes = Encoding.UTF8.GetBytes(script);
        var (whole, _) = await SplitAsync(bytes, int.MaxValue, standardConformingStrings: true, cancellationToken);

        foreach (var size in PieceSizes)
        {
            var (split, _) = await SplitAsync(bytes, size, standardConformingStrings: true, cancellationToken);

            Assert.That(split, Is.EqualTo(whole), $"in pieces of {size}");
        }

        return whole;
    }

    private static async Task<(List<ReadStatement> Statements, string Data)> SplitAsync(
        byte[] script, int pieceSize, bool standardConformingStrings, CancellationToken cancellationToken, List<ReadStatement>? into = null)
    {
        var statements = into ?? [];
        var data = new MemoryStream();
        await using var scanner = new ScriptScanner(new PiecewiseStream(script, pieceSize)) { StandardConformingStrings = standardConformingStrings };

        while (await scanner.ReadAsync(cancellationToken) is { } statement)
        {
            statements.Add(new ReadStatement(statement with { Splices = null }, Encoding.UTF8.GetString(scanner.Text.Span)));

            if (statement.Kind == ScriptStatementKind.CopyFromStdin)
            {
                await ReadDataAsync(scanner, (piece, token) => data.WriteAsync(piece, token), cancellationToken);
            }
        }

        Assert.That(scanner.BytesRead, Is.EqualTo(script.Length));

        return (statements, Encoding.UTF8.GetString(data.ToArray()));
    }

    private static async Task<string> ReadTextAsync(ScriptScanner scanner, CancellationToken cancellationToken)
    {
        await scanner.ReadAsync(cancellationToken);
        return Encoding.UTF8.GetString(scanner.Text.Span);
    }

    private static async Task ReadDataAsync(ScriptScanner scanner, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> sink, CancellationToken cancellationToken)
    {
        await scanner.BeginCopyDataAsync(cancellationToken);
        await scanner.CopyDataAsync(sink, cancellationToken);
    }

    private static Task<ScriptException> FailAsync(string script) => FailAsync(Encoding.UTF8.GetBytes(script));

    private static async Task<ScriptException> FailAsync(byte[] script)
    {
        var errors = new List<ScriptException>();

        foreach (var size in PieceSizes)
        {
            try
            {
                await SplitAsync(script, size, standardConformingStrings: true, TestContext.CurrentContext.CancellationToken);
            }
            catch (ScriptException e)
            {
                errors.Add(e);
            }
        }

        Assert.That(errors, Has.Count.EqualTo(PieceSizes.Length));
        Assert.That(errors.Select(e => (e.Message, e.Line, e.Column)).Distinct().Count(), Is.EqualTo(1));

        return errors[0];
    }

    /// <summary>A statement with its text, which the scanner forgets.</summary>
    private sealed record ReadStatement(ScriptStatement Statement, string Text)
    {
        public int Number => Statement.Number;

        public long Line => Statement.Line;

        public int Column => Statement.Column;

        public string Tag => Statement.Tag;

        public ScriptStatementKind Kind => Statement.Kind;
    }
}

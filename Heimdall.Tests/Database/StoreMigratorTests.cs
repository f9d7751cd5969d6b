using System.Data;
using System.Text.RegularExpressions;
using DbUp.Engine;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Database;

/// <summary>The schema is changed while older processes work, and none of them waits long.</summary>
[CancelAfter(60_000)]
public sealed partial class StoreMigratorTests
{
    /// <summary>Those before it were made before there were the rules.</summary>
    private const int FirstByRules = 13;

    private static readonly SqlScript _table = Script(1, "create table item (i int)");

    private TestDatabase _database = null!;
    private StoreDatabase _store = null!;
    private StoreReadiness _readiness = null!;
    private StoreClock _clock = null!;
    private ILoggerFactory _logs = null!;
    private string _log = null!;

    [SetUp]
    public async Task Create()
    {
        _log = Path.GetTempFileName();
        _logs = LoggerFactory.Create(logging => logging.AddProvider(new LogFile(_log)));
        _readiness = new StoreReadiness();
        _clock = new StoreClock(TimeProvider.System);
        _database = await TestDatabase.CreateAsync();
        var defaults = new DatabaseConfig();
        _store = new StoreDatabase(
            _database.ConnectionString, defaults.Schema, defaults.HangfireSchema, ConnectionLimits.ForApi);
    }

    [TearDown]
    public async Task Dispose()
    {
        _clock.Dispose();
        await _store.DisposeAsync();
        await _database.DisposeAsync();
        _logs.Dispose();
        File.Delete(_log);
    }

    [Test]
    public async Task Each_file_is_a_transaction_of_its_own(CancellationToken cancellationToken)
    {
        var failing = Script(2, "create table other (i int); select nonsense");

        var exception = await Assert.ThrowsAsync<InvalidOperationException>(
            () => MigrateAsync(cancellationToken, _table, failing));

        Assert.That(exception!.Message, Is.EqualTo("Migration Test.002_test.sql failed"));
        Assert.That(exception.InnerException!.Message, Does.Contain("nonsense"));
        Assert.That(await TablesAsync(cancellationToken), Is.EqualTo(new[] { "item", "schema_migration" }));
        await MigrateAsync(cancellationToken, _table, Script(2, "create table other (i int)"));
        Assert.That(
            await TablesAsync(cancellationToken), Is.EqualTo(new[] { "item", "other", "schema_migration" }));
    }

    [Test]
    public async Task A_file_that_gets_no_lock_is_tried_again_by_the_same_process(CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken, _table);
        var altering = Script(2, "alter table item add column j int");
        Task migrating;
        await using (var reader = await OpenAsync(cancellationToken))
        {
            await using var transaction = await reader.BeginTransactionAsync(cancellationToken);
            await ExecuteAsync(reader, "select from heimdall.item", cancellationToken);

            migrating = MigrateAsync(cancellationToken, _table, altering);
            await LogHasAsync("Test.002_test.sql waits for", cancellationToken);

            Assert.That(await Health().FindProblemAsync(cancellationToken), Is.EqualTo(
                "migration Test.002_test.sql waits for another session, which the log names"));
            await _database.ExecuteAsync("insert into heimdall.item values (1)", cancellationToken);
            Assert.That(
                await _database.ScalarAsync<bool>(
                    "select pg_try_advisory_lock($1)", cancellationToken, StoreMigrator.LockKey),
                Is.False, "no other process tries meanwhile");
            await LogHasAsync("(a transaction of the test)", cancellationToken);
        }
        await migrating;

        await _database.ExecuteAsync("select j from heimdall.item", cancellationToken);
    }

    [Test]
    public async Task An_index_is_built_while_others_write(CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken, _table);
        await using var writer = await OpenAsync(cancellationToken);
        await using var transaction = await writer.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(writer, "insert into heimdall.item values (1)", cancellationToken);

        var migrating = MigrateAsync(
            cancellationToken, _table, Script(2, "create index concurrently if not exists item_i on item (i);"));
        await Eventually.Is(
            () => _database.ScalarAsync<bool>(
                """
                select exists (select from pg_stat_activity
                    where datname = current_database() and query like '%create index%' and wait_event_type = 'Lock')
                """,
                cancellationToken),
            cancellationToken);
        await _database.ExecuteAsync("insert into heimdall.item values (2)", cancellationToken);
        Assert.That(migrating.IsCompleted, Is.False, "it waits for the first writer, and no other writer waits for it");
        await transaction.CommitAsync(cancellationToken);
        await migrating;

        Assert.That(await ValidIndexesAsync(cancellationToken), Is.EqualTo(new[] { "item_i" }));
    }

    [Test]
    public async Task An_index_whose_building_was_interrupted_is_built_again(CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken, _table);
        await _database.ExecuteAsync("insert into heimdall.item values (1), (1)", cancellationToken);
        var building = Script(2, "create unique index concurrently if not exists item_i on item (i);");

        await Assert.ThrowsAsync<InvalidOperationException>(() => MigrateAsync(cancellationToken, _table, building));
        Assert.That(await ValidIndexesAsync(cancellationToken), Is.Empty);
        await _database.ExecuteAsync("delete from heimdall.item", cancellationToken);
        await MigrateAsync(cancellationToken, _table, building);

        Assert.That(await ValidIndexesAsync(cancellationToken), Is.EqualTo(new[] { "item_i" }));
    }

    [Test]
    public async Task An_invalid_index_is_dropped_and_built_again_while_others_read_and_write(
        CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken, _table);
        await _database.ExecuteAsync("insert into heimdall.item values (1), (1)", cancellationToken);
        var building = Script(2, "create unique index concurrently if not exists item_i on item (i);");
        await Assert.ThrowsAsync<InvalidOperationException>(() => MigrateAsync(cancellationToken, _table, building));
        await _database.ExecuteAsync("delete from heimdall.item", cancellationToken);
        Task migrating;
        await using (var reader = await OpenAsync(cancellationToken))
        {
            await using var transaction = await reader.BeginTransactionAsync(cancellationToken);
            await ExecuteAsync(reader, "select from heimdall.item", cancellationToken);

            migrating = MigrateAsync(cancellationToken, _table, building);
            await LogHasAsync("(a transaction of the test)", cancellationToken);
            await using var writer = await OpenAsync(cancellationToken);
            await ExecuteAsync(writer, "set lock_timeout = '100ms'", cancellationToken);
            for (var i = 0; i < 20; i++)
            {
                await ExecuteAsync(writer, $"insert into heimdall.item values ({i})", cancellationToken);
            }
            Assert.That(migrating.IsCompleted, Is.False);
        }
        await migrating;

        Assert.That(await ValidIndexesAsync(cancellationToken), Is.EqualTo(new[] { "item_i" }));
    }

    [Test]
    public async Task An_index_that_another_session_builds_is_waited_for(CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken, _table);
        await using var writer = await OpenAsync(cancellationToken);
        await using var transaction = await writer.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(writer, "insert into heimdall.item values (1)", cancellationToken);
        await using var builder = await OpenAsync(cancellationToken);
        var built = ExecuteAsync(
            builder, "create index concurrently item_i on heimdall.item (i)", cancellationToken);
        await Eventually.Is(
            () => _database.ScalarAsync<bool>(
                "select exists (select from pg_index where not indisvalid and indrelid = 'heimdall.item'::regclass)",
                cancellationToken),
            cancellationToken);

        var migrating = MigrateAsync(
            cancellationToken, _table, Script(2, "create index concurrently if not exists item_i on item (i);"));
        await LogHasAsync("an index that another session builds", cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await built;
        await migrating;

        Assert.That(await ValidIndexesAsync(cancellationToken), Is.EqualTo(new[] { "item_i" }));
    }

    /// <summary>Each look has a snapshot, for which a build waits a moment. The log of a fresh start warned of it.</summary>
    [Test]
    public async Task Who_looks_what_a_build_waits_for_is_not_named(CancellationToken cancellationToken)
    {
        const string Building = "a build of the test";
        await MigrateAsync(cancellationToken, _table);
        await using var looker = await OpenAsync(cancellationToken);
        await using var transaction = await looker.BeginTransactionAsync(
            IsolationLevel.RepeatableRead, cancellationToken);
        await ExecuteAsync(looker, "select from heimdall.item", cancellationToken);
        await using var builder = await OpenAsync(cancellationToken);
        await ExecuteAsync(builder, $"set application_name = '{Building}'", cancellationToken);
        var built = ExecuteAsync(
            builder, "create index concurrently item_i on heimdall.item (i)", cancellationToken);
        await Eventually.Is(
            () => _database.ScalarAsync<bool>(
                "select wait_event_type = 'Lock' from pg_stat_activity where application_name = $1",
                cancellationToken,
                Building),
            cancellationToken);

        var alone = await StoreMigrator.FindBlockersAsync(looker, Building);
        await using var writer = await OpenAsync(cancellationToken);
        var (besideAnother, _) = await StoreMigrator.FindBlockersAsync(writer, Building);

        Assert.That((alone.Blockers, alone.IsWaitedFor), Is.EqualTo(((string?)null, false)));
        Assert.That(besideAnother, Does.Contain("(a transaction of the test)"));
        await transaction.CommitAsync(cancellationToken);
        await built;
    }

    /// <summary>The build waits for its snapshot, and it waits for the lock under which the index is built.</summary>
    [Test]
    public async Task A_process_before_015_that_waits_for_the_lock_is_let_pass(CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken, _table);
        await using var writer = await OpenAsync(cancellationToken);
        await using var transaction = await writer.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(writer, "insert into heimdall.item values (1)", cancellationToken);
        var migrating = MigrateAsync(
            cancellationToken, _table, Script(2, "create index concurrently if not exists item_i on item (i);"));
        await LogHasAsync("(a transaction of the test)", cancellationToken);
        await using (var older = await OpenAsync(cancellationToken))
        {
            var waiting = ExecuteAsync(
                older, $"select pg_advisory_lock({StoreMigrator.LockKey})", cancellationToken);
            await Eventually.Is(
                () => _database.ScalarAsync<bool>(
                    """
                    select exists (select from pg_stat_activity
                        where datname = current_database() and wait_event = 'advisory')
                    """,
                    cancellationToken),
                cancellationToken);
            await transaction.CommitAsync(cancellationToken);

            await waiting;
            Assert.That(migrating.IsCompleted, Is.False);
        }
        await migrating;

        Assert.That(await ValidIndexesAsync(cancellationToken), Is.EqualTo(new[] { "item_i" }));
    }

    [Test]
    public async Task An_index_that_is_invalid_at_a_later_start_is_built_again(CancellationToken cancellationToken)
    {
        SqlScript[] scripts =
        [
            _table,
            Script(2, "create index concurrently if not exists item_i on item (i);"),
            Script(3, "create index concurrently if not exists item_i_2 on item (i);"),
        ];
        await MigrateAsync(cancellationToken, scripts);
        await _database.ExecuteAsync(
            "update pg_index set indisvalid = false where indexrelid = 'heimdall.item_i'::regclass", cancellationToken);

        await MigrateAsync(cancellationToken, scripts);

        Assert.That(await ValidIndexesAsync(cancellationToken), Is.EquivalentTo(["item_i", "item_i_2"]));
        Assert.That(
            await _database.ScalarAsync<long>("select count(*) from heimdall.schema_migration", cancellationToken),
            Is.EqualTo(scripts.Length));
    }

    [Test]
    public async Task A_migration_that_fails_is_the_reason_of_not_being_ready(CancellationToken cancellationToken)
    {
        var failing = Script(2, "select nonsense");
        using (var startup = new StoreStartup(
            _store, Migrator(_table, failing), new StoreProbe(_store, _clock), [], _readiness, NullLogger<StoreStartup>.Instance))
        {
            await startup.StartAsync(cancellationToken);
            await Eventually.Becomes(
                () => Health().FindProblemAsync(cancellationToken),
                () => Does.StartWith("Migration Test.002_test.sql failed: ")
                    .And.EndsWith("column \"nonsense\" does not exist"),
                cancellationToken);
            await startup.StopAsync(cancellationToken);
        }
        using var alone = new StoreStartup(
            _store, Migrator(_table, failing), new StoreProbe(_store, _clock), [], _readiness, NullLogger<StoreStartup>.Instance);

        var reason = await alone.MigrateAsync(cancellationToken);

        Assert.That(reason, Does.StartWith("Migration Test.002_test.sql failed: ")
            .And.EndsWith("column \"nonsense\" does not exist"));
    }

    [Test]
    public async Task Two_processes_migrate_one_after_the_other(CancellationToken cancellationToken)
    {
        var isFirstAtWork = new TaskCompletionSource();
        var mayEnd = new TaskCompletionSource();
        var first = Migrator(_table).MigrateAsync(
            async _ =>
            {
                isFirstAtWork.SetResult();
                await mayEnd.Task;
            },
            cancellationToken);
        await isFirstAtWork.Task.WaitAsync(cancellationToken);

        var second = MigrateAsync(cancellationToken, _table);
        await Eventually.Is(
            () => _database.ScalarAsync<bool>(
                """
                select exists (select from pg_stat_activity
                    where datname = current_database() and query like '%pg_try_advisory_lock%' and state = 'idle')
                """,
                cancellationToken),
            cancellationToken);
        Assert.That(second.IsCompleted, Is.False);
        mayEnd.SetResult();

        await first;
        await second;
    }

    [TestCase("003_more.sql")]
    [TestCase("003_less.needs_001.sql")]
    [TestCase("005_less.needs_001.sql")]
    public async Task A_newer_schema_is_used_where_its_names_allow_it(string newer, CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken, _table);
        await AddNewerAsync(newer, cancellationToken);

        await MigrateAsync(cancellationToken, _table);
    }

    [Test]
    public async Task A_schema_for_other_versions_is_refused(CancellationToken cancellationToken)
    {
        SqlScript[] known = [_table, Script(3, "create table other (i int)")];
        await MigrateAsync(cancellationToken, known);
        await AddNewerAsync("004_less.needs_002.sql", cancellationToken);

        var exception = await Assert.ThrowsAsync<StoreSchemaException>(() => MigrateAsync(cancellationToken, known));

        Assert.That(exception!.Message, Is.EqualTo(
            "The store's schema is for versions of Heimdall that know migration 002. This one does not: "
            + "start a newer version."));
    }

    [Test]
    public void Numbers_are_given_once()
    {
        var numbers = Migrations.Embedded.Select(Migrations.NumberOf).ToArray();

        Assert.That(numbers, Is.Unique.And.Ordered.And.Contain(1));
    }

    [TestCaseSource(nameof(ByRules))]
    public void No_migration_keeps_others_waiting(SqlScript script)
    {
        var statements = Comments().Replace(script.Contents, "");
        var made = MadeTables().Matches(statements).Select(match => match.Groups[1].Value).ToArray();
        var blocking = BlockingIndexes().Matches(statements).Select(match => match.Groups[1].Value).Except(made);

        Assert.That(blocking, Is.Empty, "an index on a table that is in use: create index concurrently if not exists");
        Assert.That(statements, Does.Not.Match(@"(?i)\balter\s+column\s+\w+\s+(set\s+data\s+)?type\b"), "it rewrites");
        Assert.That(
            statements, Does.Not.Match(@"(?i)\badd\s+column\s+\w+\s(?![^,;]*\bdefault\b)[^,;]*\bnot\s+null\b"),
            "an older version writes no value: give a default");
        if (Migrations.BuildsIndexes(script))
        {
            Assert.That(
                statements.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
                Is.All.Match("^(create( unique)? index concurrently if not|drop index concurrently if) exists "),
                "it has no transaction: each statement must be one that can be repeated");
        }
    }

    private static IEnumerable<TestCaseData> ByRules() => Migrations.Embedded
        .Where(script => Migrations.NumberOf(script) >= FirstByRules)
        .Select(script => new TestCaseData(script).SetArgDisplayNames(script.Name));

    private static SqlScript Script(int number, string sql) => new($"Test.{number:000}_test.sql", sql);

    private StoreHealth Health() => new(_readiness, _store, new StoreProbe(_store, _clock), _clock);

    private StoreMigrator Migrator(params SqlScript[] scripts) =>
        new(_store, _readiness, _logs.CreateLogger<StoreMigrator>()) { Scripts = scripts };

    private Task<string> LogHasAsync(string words, CancellationToken cancellationToken) => Eventually.Becomes(
        () => Task.FromResult(HeimdallProcess.Read(_log)), () => Does.Contain(words), cancellationToken);

    private Task MigrateAsync(CancellationToken cancellationToken, params SqlScript[] scripts) =>
        Migrator(scripts).MigrateAsync(_ => Task.CompletedTask, cancellationToken);

    private Task AddNewerAsync(string name, CancellationToken cancellationToken) => _database.ExecuteAsync(
        "insert into heimdall.schema_migration (scriptname, applied) values ($1, now())", cancellationToken,
        $"Heimdall.{name}");

    private Task<List<string>> TablesAsync(CancellationToken cancellationToken) => _database.ColumnAsync<string>(
        "select tablename::text from pg_tables where schemaname = 'heimdall' order by 1", cancellationToken);

    private Task<List<string>> ValidIndexesAsync(CancellationToken cancellationToken) => _database.ColumnAsync<string>(
        """
        select relname::text from pg_index join pg_class on pg_class.oid = indexrelid
        where indrelid = 'heimdall.item'::regclass and indisvalid
        """,
        cancellationToken);

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = new NpgsqlConnection(
            $"{_database.ConnectionString};Application Name=a transaction of the test;Pooling=false");
        await connection.OpenAsync(cancellationToken);
        return connection;
    }

    private static async Task ExecuteAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [GeneratedRegex("--.*")]
    private static partial Regex Comments();

    [GeneratedRegex(@"create\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)", RegexOptions.IgnoreCase)]
    private static partial Regex MadeTables();

    [GeneratedRegex(@"create\s+(?:unique\s+)?index\s+(?!concurrently)\w+\s+on\s+(\w+)", RegexOptions.IgnoreCase)]
    private static partial Regex BlockingIndexes();
}

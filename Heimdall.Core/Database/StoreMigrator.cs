using System.Data;
using System.Text.RegularExpressions;
using DbUp.Builder;
using DbUp.Engine;
using DbUp.Helpers;
using DbUp.Postgresql;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Brings the store's schema up to date: the numbered files in <c>Migrations</c>, each once, under a lock. Older
/// processes work meanwhile. docs/contribute/architecture.md has the rules for such a file.
/// </summary>
public sealed partial class StoreMigrator(
    StoreDatabase database, StoreReadiness readiness, ILogger<StoreMigrator> logger)
{
    // Any number that nobody else in this database is likely to use for an advisory lock.
    internal const long LockKey = 0x4865696D64616C6C;

    private const string Journal = "schema_migration";

    private const string InvalidIndexesSql = """
        select index.relname from pg_index
        join pg_class index on index.oid = pg_index.indexrelid
        join pg_namespace on pg_namespace.oid = index.relnamespace
        where not indisvalid and nspname = $1
        """;

    private const string IsBuildingSql = """
        select exists (
            select from pg_stat_progress_create_index
            join pg_class on pg_class.oid = relid
            join pg_namespace on pg_namespace.oid = relnamespace
            where datname = current_database() and nspname = $1)
        """;

    // What the session of this name waits for, and whether that waits for this session itself. A build of an index waits
    // for this very statement too, for as long as that takes.
    private const string BlockersSql = """
        select string_agg(distinct coalesce('process ' || blocker.pid || ' (' || coalesce(
                nullif(blocker.application_name, ''), 'no application_name') || ')', 'a prepared transaction'), ', '),
            coalesce(bool_or(pg_backend_pid() = any (pg_blocking_pids(blocker.pid))), false)
        from pg_stat_activity waiting
        cross join unnest(pg_blocking_pids(waiting.pid)) blocking (pid)
        left join pg_stat_activity blocker on blocker.pid = blocking.pid
        where waiting.datname = current_database() and waiting.application_name = $1
            and waiting.wait_event_type = 'Lock' and blocking.pid <> pg_backend_pid()
        """;

    private const string IsWaitedForSql = """
        select exists (
            select from pg_stat_activity
            where wait_event = 'advisory' and pg_backend_pid() = any (pg_blocking_pids(pid)))
        """;

    private const string CancelSql = """
        select pg_cancel_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = $1
        """;

    private static readonly TimeSpan LockInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>Between two tries of a migration that has got no lock.</summary>
    private static readonly TimeSpan[] Delays =
    [
        TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10),
        TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(60),
    ];

    internal IReadOnlyList<SqlScript> Scripts { get; init; } = Migrations.Embedded;

    /// <summary>Runs what is missing, then <paramref name="thenUnderLock"/>, while no other process does the same.</summary>
    /// <exception cref="NpgsqlException">The store cannot be reached, or the lock was lost: try again.</exception>
    /// <exception cref="StoreSchemaException">This version is too old for the schema.</exception>
    /// <exception cref="InvalidOperationException">A migration has failed.</exception>
    public async Task MigrateAsync(Func<CancellationToken, Task> thenUnderLock, CancellationToken cancellationToken)
    {
        // A session of its own: the lock ends with it, whatever goes wrong.
        await using var connection = await database.Migrations.OpenConnectionAsync(cancellationToken);
        await LockAsync(connection, cancellationToken);
        await using (var schema = new NpgsqlCommand(
            $"create schema if not exists {StoreDatabase.Quote(database.Schema)}", connection))
        {
            await schema.ExecuteNonQueryAsync(cancellationToken);
        }
        await UpgradeAsync(connection, cancellationToken);
        await thenUnderLock(cancellationToken);
        await UnlockAsync(connection);
    }

    /// <summary>
    /// The lock is kept while a migration is tried again. All who use a table wait behind a migration that waits for
    /// it, so one process tries, and seldom.
    /// </summary>
    private async Task UpgradeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        for (var failures = 0; await NextAsync(connection, cancellationToken) is { } next; failures++)
        {
            if (next.BuildsIndexes && await AskAsync(connection, IsBuildingSql, database.Schema, cancellationToken))
            {
                ReportWaiting(next.Script, "an index that another session builds");
            }
            else if (await RunAsync(connection, next, cancellationToken) is { } blockers)
            {
                ReportWaiting(next.Script, blockers);
            }
            else
            {
                failures = -1;
                continue;
            }
            await LetOlderOnesPassAsync(connection, cancellationToken);
            await Task.Delay(
                Delays[Math.Min(failures, Delays.Length - 1)] * (0.75 + (Random.Shared.NextDouble() / 2)),
                cancellationToken);
        }
    }

    /// <summary>
    /// The first file that has not been run, or else one whose index is not valid. The building of such an index was
    /// interrupted: no query uses it, and it costs every write.
    /// </summary>
    private async Task<Step?> NextAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var executed = await ReadJournalAsync(connection, cancellationToken);
        Migrations.RequireServed(
            executed.Except(Scripts.Select(script => script.Name)), Migrations.NumbersOf(Scripts));
        var missing = Scripts.OrderBy(script => script.Name, StringComparer.Ordinal)
            .FirstOrDefault(script => !executed.Contains(script.Name));
        if (missing is not null && !Migrations.BuildsIndexes(missing))
        {
            return new Step(missing, BuildsIndexes: false, IsNew: true, []);
        }
        var invalid = await FindInvalidIndexesAsync(connection, cancellationToken);
        var script = missing ?? Scripts.LastOrDefault(
            one => Migrations.BuildsIndexes(one) && invalid.Any(index => Names(one, index)));
        return script is null
            ? null
            : new Step(
                script, BuildsIndexes: true, missing is not null, [.. invalid.Where(index => Names(script, index))]);
    }

    /// <returns>Null when it has been run; else what it would have had to wait for.</returns>
    private async Task<string?> RunAsync(NpgsqlConnection connection, Step step, CancellationToken cancellationToken)
    {
        var session = $"heimdall migration {connection.ProcessID}";
        var engine = Engine([new SqlScript(step.Script.Name, Statements(step, session))]);
        engine = step.BuildsIndexes ? engine.WithoutTransaction() : engine.WithTransactionPerScript();
        engine = step.IsNew ? engine : engine.JournalTo(new NullJournal());
        var run = Task.Run(() => engine.Build().PerformUpgrade(), CancellationToken.None);
        var blockers = await WatchAsync(connection, step, session, run, cancellationToken);
        var result = await run;
        if (result.Successful)
        {
            LogMigrated(step.Script.Name);
            return null;
        }
        cancellationToken.ThrowIfCancellationRequested();
        return (result.Error as PostgresException)?.SqlState switch
        {
            PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected =>
                blockers ?? "another session",
            PostgresErrorCodes.QueryCanceled when blockers is not null => blockers,
            _ => throw new InvalidOperationException($"Migration {step.Script.Name} failed", result.Error),
        };
    }

    private string Statements(Step step, string session)
    {
        var name = $"set application_name = '{session}';\n";
        if (!step.BuildsIndexes)
        {
            return name + step.Script.Contents;
        }
        // Nobody waits behind a build, so it waits as long as it must. It ends soon after its client has.
        var settings = "set lock_timeout = 0;\nset statement_timeout = 0;\n"
            + "select set_config('client_connection_check_interval', '5s', false) where version() like '%linux%';\n";
        var schema = StoreDatabase.Quote(database.Schema);
        var drops = step.Invalid.Select(
            index => $"drop index concurrently if exists {schema}.{StoreDatabase.Quote(index)};\n");
        return name + settings + string.Concat(drops) + step.Script.Contents;
    }

    /// <summary>
    /// Looks what a migration waits for, until it has ended. A build ends with a wait for the transactions that were
    /// open when it began. A process before version 015 waits for the lock of the migrations within such a transaction.
    /// Then, and when this process is stopped, the migration is cancelled.
    /// </summary>
    /// <returns>What it has waited for last.</returns>
    private async Task<string?> WatchAsync(
        NpgsqlConnection connection, Step step, string session, Task run, CancellationToken cancellationToken)
    {
        string? blockers = null;
        try
        {
            while (await Task.WhenAny(run, Task.Delay(LookInterval, CancellationToken.None)) != run)
            {
                var (seen, isWaitedFor) = await FindBlockersAsync(connection, session);
                if (cancellationToken.IsCancellationRequested || (step.BuildsIndexes && isWaitedFor))
                {
                    await CancelAsync(connection, session);
                }
                if (step.BuildsIndexes && seen is not null && seen != blockers)
                {
                    ReportWaiting(step.Script, seen);
                }
                blockers = seen ?? blockers;
            }
        }
        catch (NpgsqlException)
        {
            await run; // the lock is lost: nothing goes on here while it may run
            throw;
        }
        return blockers;
    }

    internal static async Task<(string? Blockers, bool IsWaitedFor)> FindBlockersAsync(
        NpgsqlConnection connection, string session)
    {
        await using var command = new NpgsqlCommand(BlockersSql, connection);
        command.Parameters.Add(new() { Value = session });
        await using var row = await command.ExecuteReaderAsync(CancellationToken.None);
        await row.ReadAsync(CancellationToken.None);
        return (row.IsDBNull(0) ? null : row.GetString(0), row.GetBoolean(1));
    }

    private static async Task CancelAsync(NpgsqlConnection connection, string session)
    {
        await using var command = new NpgsqlCommand(CancelSql, connection);
        command.Parameters.Add(new() { Value = session });
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    private UpgradeEngineBuilder Engine(IEnumerable<SqlScript> scripts) => PostgresqlExtensions
        .PostgresqlDatabase(new PostgresqlConnectionManager(database.Migrations), database.Schema)
        .JournalToPostgresqlTable(database.Schema, Journal)
        .WithScripts(scripts)
        .WithExecutionTimeout(TimeSpan.Zero) // none
        .WithVariablesDisabled() // a $…$ in a migration is PostgreSQL's quote, not a variable
        .LogToNowhere();

    /// <summary>The names of the files that have been run. DbUp, which writes them, opens a session to ask.</summary>
    private async Task<HashSet<string>> ReadJournalAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var table = $"{StoreDatabase.Quote(database.Schema)}.{Journal}";
        return await AskAsync(connection, "select to_regclass($1) is not null", table, cancellationToken)
            ? [.. await ReadNamesAsync(connection, $"select scriptname from {table}", cancellationToken)]
            : [];
    }

    private Task<List<string>> FindInvalidIndexesAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken) =>
        ReadNamesAsync(connection, InvalidIndexesSql, cancellationToken, database.Schema);

    private static async Task<List<string>> ReadNamesAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params string[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var names = new List<string>();
        while (await row.ReadAsync(cancellationToken))
        {
            names.Add(row.GetString(0));
        }
        return names;
    }

    private static bool Names(SqlScript script, string index) =>
        Regex.IsMatch(script.Contents, $@"\b{Regex.Escape(index)}\b");

    /// <summary>
    /// Asks again and again. A statement that waits holds a snapshot, and an index that is built under this lock would
    /// wait for that.
    /// </summary>
    private async Task LockAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        while (!await AskAsync(connection, "select pg_try_advisory_lock($1)", LockKey, cancellationToken))
        {
            readiness.SetProblem("another process prepares the store");
            await Task.Delay(LockInterval, cancellationToken);
        }
    }

    /// <summary>
    /// Gives the lock to processes before version 015, which wait for it in line. They need nothing of this migration.
    /// </summary>
    private async Task LetOlderOnesPassAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(IsWaitedForSql, connection);
        if ((bool)(await command.ExecuteScalarAsync(cancellationToken))!)
        {
            await UnlockAsync(connection);
            await LockAsync(connection, cancellationToken);
        }
    }

    /// <summary>If the session was lost, another process may have migrated at the same time.</summary>
    private static async Task UnlockAsync(NpgsqlConnection connection)
    {
        try
        {
            await AskAsync(connection, "select pg_advisory_unlock($1)", LockKey, CancellationToken.None);
        }
        catch (InvalidOperationException exception) when (connection.State != ConnectionState.Open)
        {
            throw new NpgsqlException("The session that held the lock of the migrations was lost.", exception);
        }
    }

    private static async Task<bool> AskAsync(
        NpgsqlConnection connection, string sql, object value, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = value } } };
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private void ReportWaiting(SqlScript script, string blockers)
    {
        readiness.SetProblem($"migration {script.Name} waits for another session, which the log names");
        LogWaits(script.Name, blockers);
    }

    [LoggerMessage(LogLevel.Information, "Store schema brought up to date by {Script}")]
    private partial void LogMigrated(string script);

    [LoggerMessage(LogLevel.Warning, "Migration {Script} waits for {Blockers}")]
    private partial void LogWaits(string script, string blockers);

    /// <param name="Script">The file.</param>
    /// <param name="BuildsIndexes">Whether it builds or drops indexes, outside of a transaction.</param>
    /// <param name="IsNew">Whether it has never been run to its end.</param>
    /// <param name="Invalid">Indexes of its that are to be dropped before.</param>
    private sealed record Step(SqlScript Script, bool BuildsIndexes, bool IsNew, IReadOnlyList<string> Invalid);
}

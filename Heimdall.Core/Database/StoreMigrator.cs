using System.Data;
using DbUp.Builder;
using DbUp.Engine;
using DbUp.Postgresql;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Brings the store's schema up to date: the numbered files in <c>Migrations</c>, each once, under a lock. Older
/// processes work meanwhile. docs/contribute/architecture.md has the rules for such a file.
/// </summary>
public sealed partial class StoreMigrator(StoreDatabase database, ILogger<StoreMigrator> logger)
{
    // Any number that nobody else in this database is likely to use for an advisory lock.
    private const long LockKey = 0x4865696D64616C6C;

    /// <summary>
    /// Building an index beside the work ends with a wait for the transactions that were open when it began. A process
    /// that waits for the lock of the migrations may hold one of them: versions before 015 wait within a statement.
    /// </summary>
    private const string LongerLockWait = "set lock_timeout = '30s';\n";

    private const string BrokenIndexesSql = """
        select index.relname from pg_index
        join pg_class index on index.oid = pg_index.indexrelid
        join pg_namespace on pg_namespace.oid = index.relnamespace
        where not indisvalid and nspname = $1
        """;

    private static readonly TimeSpan LockInterval = TimeSpan.FromMilliseconds(200);

    internal IReadOnlyList<SqlScript> Scripts { get; init; } = Migrations.Embedded;

    /// <summary>Runs what is missing, then <paramref name="thenUnderLock"/>, while no other process does the same.</summary>
    /// <exception cref="NpgsqlException">The store cannot be reached, or the lock was lost: try again.</exception>
    /// <exception cref="StoreSchemaException">This version is too old for the schema.</exception>
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

    private async Task UpgradeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var all = Engine(Scripts).WithTransactionPerScript().Build();
        Migrations.RequireServed(all.GetExecutedButNotDiscoveredScripts(), Migrations.NewestOf(Scripts));
        foreach (var script in all.GetScriptsToExecute())
        {
            if (Migrations.BuildsIndexes(script))
            {
                await DropBrokenIndexesAsync(connection, script, cancellationToken);
                var building = new SqlScript(script.Name, LongerLockWait + script.Contents);
                Run(Engine([building]).WithoutTransaction(), script);
            }
            else
            {
                Run(Engine([script]).WithTransactionPerScript(), script);
            }
        }
    }

    private UpgradeEngineBuilder Engine(IEnumerable<SqlScript> scripts) => PostgresqlExtensions
        .PostgresqlDatabase(new PostgresqlConnectionManager(database.Migrations), database.Schema)
        .JournalToPostgresqlTable(database.Schema, "schema_migration")
        .WithScripts(scripts)
        .WithExecutionTimeout(TimeSpan.Zero) // none
        .WithVariablesDisabled() // a $…$ in a migration is PostgreSQL's quote, not a variable
        .LogToNowhere();

    private void Run(UpgradeEngineBuilder engine, SqlScript script)
    {
        var result = engine.Build().PerformUpgrade();
        if (!result.Successful)
        {
            throw new InvalidOperationException(
                $"Migration {script.Name} failed: {result.Error.Message}", result.Error);
        }
        LogMigrated(script.Name);
    }

    /// <summary>An index whose building was interrupted is there, is used by no query, and costs every write.</summary>
    private async Task DropBrokenIndexesAsync(
        NpgsqlConnection connection, SqlScript script, CancellationToken cancellationToken)
    {
        var broken = new List<string>();
        await using (var find = new NpgsqlCommand(BrokenIndexesSql, connection))
        {
            find.Parameters.Add(new() { Value = database.Schema });
            await using var row = await find.ExecuteReaderAsync(cancellationToken);
            while (await row.ReadAsync(cancellationToken))
            {
                broken.Add(row.GetString(0));
            }
        }
        foreach (var name in broken.Where(name => script.Contents.Contains($" {name}", StringComparison.Ordinal)))
        {
            await using var drop = new NpgsqlCommand(
                $"drop index {StoreDatabase.Quote(database.Schema)}.{StoreDatabase.Quote(name)}", connection);
            await drop.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>
    /// Asks again and again. A statement that waits holds a snapshot, and an index that is built under this lock would
    /// wait for that.
    /// </summary>
    private static async Task LockAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        while (!await AskAsync(connection, "select pg_try_advisory_lock($1)", cancellationToken))
        {
            await Task.Delay(LockInterval, cancellationToken);
        }
    }

    /// <summary>If the session was lost, another process may have migrated at the same time.</summary>
    private static async Task UnlockAsync(NpgsqlConnection connection)
    {
        try
        {
            await AskAsync(connection, "select pg_advisory_unlock($1)", CancellationToken.None);
        }
        catch (InvalidOperationException exception) when (connection.State != ConnectionState.Open)
        {
            throw new NpgsqlException("The session that held the lock of the migrations was lost.", exception);
        }
    }

    private static async Task<bool> AskAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = LockKey } } };
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    [LoggerMessage(LogLevel.Information, "Store schema brought up to date by {Script}")]
    private partial void LogMigrated(string script);
}

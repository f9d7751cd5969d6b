using System.Data;
using DbUp.Postgresql;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>Brings the store's schema up to date: the numbered files in <c>Migrations</c>, each once, under a lock.</summary>
public sealed partial class StoreMigrator(StoreDatabase database, ILogger<StoreMigrator> logger)
{
    // Any number that nobody else in this database is likely to use for an advisory lock.
    private const long LockKey = 0x4865696D64616C6C;

    /// <summary>Runs what is missing, then <paramref name="thenUnderLock"/>, while no other process does the same.</summary>
    /// <exception cref="NpgsqlException">The store cannot be reached, or the lock was lost: try again.</exception>
    public async Task MigrateAsync(Func<CancellationToken, Task> thenUnderLock, CancellationToken cancellationToken)
    {
        // A session of its own: the lock ends with it, whatever goes wrong.
        await using var connection = await database.Migrations.OpenConnectionAsync(cancellationToken);
        await ExecuteAsync(connection, "select pg_advisory_lock($1)", cancellationToken);
        await using (var schema = new NpgsqlCommand(
            $"create schema if not exists {StoreDatabase.Quote(database.Schema)}", connection))
        {
            await schema.ExecuteNonQueryAsync(cancellationToken);
        }
        Upgrade();
        await thenUnderLock(cancellationToken);
        await UnlockAsync(connection);
    }

    private void Upgrade()
    {
        var result = PostgresqlExtensions
            .PostgresqlDatabase(new PostgresqlConnectionManager(database.Migrations), database.Schema)
            .JournalToPostgresqlTable(database.Schema, "schema_migration")
            .WithScriptsEmbeddedInAssembly(typeof(StoreMigrator).Assembly)
            .WithTransaction()
            .WithExecutionTimeout(TimeSpan.Zero) // none
            .WithVariablesDisabled() // a $…$ in a migration is PostgreSQL's quote, not a variable
            .LogToNowhere()
            .Build()
            .PerformUpgrade();
        if (!result.Successful)
        {
            throw new InvalidOperationException(
                result.ErrorScript is { } script ? $"Migration {script.Name} failed" : "The migrations could not be run",
                result.Error);
        }
        foreach (var script in result.Scripts)
        {
            LogMigrated(script.Name);
        }
    }

    /// <summary>If the session was lost, another process may have migrated at the same time.</summary>
    private static async Task UnlockAsync(NpgsqlConnection connection)
    {
        try
        {
            await ExecuteAsync(connection, "select pg_advisory_unlock($1)", CancellationToken.None);
        }
        catch (InvalidOperationException exception) when (connection.State != ConnectionState.Open)
        {
            throw new NpgsqlException("The session that held the lock of the migrations was lost.", exception);
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = LockKey } } };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "Store schema brought up to date by {Script}")]
    private partial void LogMigrated(string script);
}

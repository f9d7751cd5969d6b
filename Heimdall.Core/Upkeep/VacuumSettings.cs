using Heimdall.Core.Database;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Upkeep;

/// <summary>
/// Has the tables of history vacuumed as soon as a hundredth of their rows was deleted: by default a fifth of a long
/// history would have to go first. It waits for nobody for long, as for a vacuum: it is asked for again.
/// </summary>
internal sealed partial class VacuumSettings(StoreDatabase database, ILogger<VacuumSettings> logger)
{
    // What somebody has set is left as it is.
    private const string FindSql = """
        select relname::text from pg_class
        where relnamespace = (select oid from pg_namespace where nspname = current_schema())
            and relname::text = any ($1)
            and not exists (
                select from unnest(reloptions) option where option like 'autovacuum\_vacuum\_scale\_factor=%')
        order by relname
        """;

    private static readonly string[] Tables =
        ["job", "job_attempt", "job_log", "job_result", "job_result_chunk", "schedule_run", "idempotency_key",
            "hook_delivery", "child_end"];

    /// <summary>Sets what is not set yet.</summary>
    public async Task SetAsync(CancellationToken cancellationToken)
    {
        foreach (var table in await FindAsync(cancellationToken))
        {
            try
            {
                await SetAsync(table, cancellationToken);
            }
            catch (PostgresException exception) when (exception.SqlState
                is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.InsufficientPrivilege)
            {
                LogLeft(table, exception.MessageText);
            }
        }
    }

    private async Task<IReadOnlyList<string>> FindAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindSql);
        command.Parameters.Add(new() { Value = Tables });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var unset = new List<string>();
        while (await row.ReadAsync(cancellationToken))
        {
            unset.Add(row.GetString(0));
        }
        return unset;
    }

    private async Task SetAsync(string table, CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            $"""
            set local lock_timeout = '1s';
            alter table {table} set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000)
            """,
            connection, transaction);
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "Table {Table} gets its settings for vacuum later: {Reason}")]
    private partial void LogLeft(string table, string reason);
}

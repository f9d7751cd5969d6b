using Heimdall.Core.Configuration;
using Heimdall.Core.Database;

namespace Heimdall.Core.Queue;

/// <summary>
/// What an earlier version left in Hangfire's own queue. The rows of those jobs say that they wait, and are claimed
/// like all others; their places in the other queue are dropped when a worker starts. One that a worker of the earlier
/// version holds stays until that worker is gone.
/// </summary>
internal sealed class OldQueue(StoreDatabase database, WorkerConfig config) : IStorePreparation
{
    private readonly string _dropSql = $"""
        delete from "{database.HangfireSchema}".jobqueue
        where queue = '{RowQueue.Name}' and (fetchedat is null or fetchedat < now() - $1)
        """;

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(_dropSql);
        command.Parameters.Add(new() { Value = 10 * config.Lease });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

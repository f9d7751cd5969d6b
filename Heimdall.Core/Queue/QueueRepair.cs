using Heimdall.Core.Database;
using Npgsql;

namespace Heimdall.Core.Queue;

/// <summary>
/// Finds jobs that are open and yet have no place in the queue: somebody pressed "Delete" in the dashboard while their worker
/// was dead, or Hangfire gave them up. Nobody else would ever look at them again.
/// </summary>
public sealed class QueueRepair(StoreDatabase database, JobQueue queue)
{
    /// <summary>Long enough for whoever is about to write. A job that waits to be tried again has no place until its time has come.</summary>
    private const int GraceLeases = 3;

    private readonly string _orphansSql = $"""
        select id, queue_id from job
        where not is_sync
            and (status in ('RUNNING', 'CANCELING') and lease_until < now() - $1 or status = 'ACCEPTED' and greatest(updated_at, retry_at) < now() - $1)
            and not exists (select from "{database.HangfireSchema}".jobqueue place where place.jobid = job.queue_id::bigint)
        limit 100
        """;

    // Hangfire gives out what a dead worker had fetched only when nothing else waits. Once its time is over, anybody may have it: as one that
    // was never fetched it is among the first, for it is among the oldest.
    private readonly string _abandonedSql = $"""
        update "{database.HangfireSchema}".jobqueue set fetchedat = null
        where fetchedat < now() - $1 and pg_postmaster_start_time() < now() - $1 -- a store that has just started has kept everybody from renewing
        """;

    /// <summary>Puts what dead workers had taken out of the queue before what came later.</summary>
    public async Task BringAbandonedForwardAsync(TimeSpan lease, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(_abandonedSql);
        command.Parameters.Add(new() { Value = lease });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Gives orphans a new place.</summary>
    /// <returns>The ids of those that have one.</returns>
    public async Task<IReadOnlyList<Guid>> RequeueOrphansAsync(TimeSpan lease, CancellationToken cancellationToken)
    {
        var orphans = new List<(Guid Id, string QueueId)>();
        await using (var command = database.DataSource.CreateCommand(_orphansSql))
        {
            command.Parameters.Add(new() { Value = GraceLeases * lease });
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            while (await row.ReadAsync(cancellationToken))
            {
                orphans.Add((row.GetGuid(0), row.GetString(1)));
            }
        }
        var requeued = new List<Guid>();
        try
        {
            foreach (var (id, queueId) in orphans)
            {
                await queue.RequeueAsync(id, queueId, cancellationToken);
                requeued.Add(id);
            }
        }
        catch (NpgsqlException exception) when (StoreRetry.IsAway(exception))
        {
            // The store is away; the next round goes on.
        }
        return requeued;
    }
}

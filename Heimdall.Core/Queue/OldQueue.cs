using System.Transactions;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Queue;

/// <summary>
/// Deletes what an earlier version leaves in Hangfire's own queue, where it writes a row for each waiting job. This
/// version claims jobs from their own rows. A queue row stays while its job waits: a worker of that version may take
/// it, and would give a job without a queue row another entry.
/// </summary>
internal sealed partial class OldQueue(
    StoreDatabase database, StoreReadiness readiness, WorkerConfig config, ILogger<OldQueue> logger) : BackgroundService
{
    private const string JobOfEntry =
        "substring(entry.arguments::text from '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')::uuid";

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly string _dropPlacesSql = $"""
        delete from "{database.HangfireSchema}".jobqueue where id in (
            select place.id from "{database.HangfireSchema}".jobqueue place
            left join "{database.HangfireSchema}".job entry on entry.id = place.jobid
            left join job on job.id = {JobOfEntry}
            where place.queue = '{RowQueue.Name}' and (place.fetchedat is null or place.fetchedat < now() - $1)
                and job.status is distinct from 'ACCEPTED'
            limit 1000 for update of place skip locked)
        """;

    // Those that show a job as waiting, which has ended and has another entry.
    private readonly string _dropEntriesSql = $"""
        delete from "{database.HangfireSchema}".job where id in (
            select entry.id from "{database.HangfireSchema}".job entry
            left join job on job.id = {JobOfEntry}
            where entry.statename = 'Enqueued' and entry.invocationdata::text like '%{nameof(IJobRunner)}%'
                and (job.id is null or job.finished_at is not null) and job.queue_id is distinct from entry.id::text
            limit 1000)
        """;

    private bool _hasLookedForEntries;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                await TidyAsync(stoppingToken);
            }
            catch (Exception exception)
                when (exception is NpgsqlException or TransactionException or TimeoutException
                    or InvalidOperationException)
            {
                LogPostponed(exception.Message);
            }
            await Task.Delay(Interval, stoppingToken);
        }
    }

    /// <summary>
    /// Drops what is left, a thousand at a time. To find entries takes a look at all that wait, so it is done once, and
    /// where there are places.
    /// </summary>
    internal async Task TidyAsync(CancellationToken cancellationToken)
    {
        int places;
        do
        {
            places = await ExecuteAsync(_dropPlacesSql, cancellationToken, 10 * config.Lease);
            if (places > 0 || !_hasLookedForEntries)
            {
                _hasLookedForEntries = true;
                while (await ExecuteAsync(_dropEntriesSql, cancellationToken) > 0)
                {
                }
            }
        }
        while (places > 0);
    }

    private async Task<int> ExecuteAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = database.DataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "What an earlier version left in Hangfire's queue is dropped later: {Reason}")]
    private partial void LogPostponed(string reason);
}

using System.Data;
using Hangfire.PostgreSql;
using Hangfire.States;
using Hangfire.Storage;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue.Storage;

namespace Heimdall.Core.Queue;

/// <summary>
/// The jobs' queue as Hangfire sees it. The place of a job is its own row: nothing is written when Hangfire puts an
/// entry in, none is locked when it takes one out, and nothing is deleted when it is done. The claim is the fetch, and
/// the job's end is the acknowledgement.
/// </summary>
/// <param name="database">The store.</param>
/// <param name="source">Of this process; null where no jobs are run.</param>
internal sealed class RowQueue(StoreDatabase database, Func<IJobSource?> source)
    : IPersistentJobQueueProvider, IPersistentJobQueue, IPersistentJobQueueMonitoringApi
{
    /// <summary>What Hangfire calls its default queue. The name is stored with every entry.</summary>
    public const string Name = EnqueuedState.DefaultQueue;

    private const string WaitingSql = """
        select queue_id::bigint from job where status = 'ACCEPTED' and not is_sync
        order by created_at, id offset $1 limit $2
        """;

    private const string CountSql = "select count(*) from job where status = 'ACCEPTED'";

    public IPersistentJobQueue GetJobQueue() => this;

    public IPersistentJobQueueMonitoringApi GetJobQueueMonitoringApi() => this;

    public IFetchedJob Dequeue(string[] queues, CancellationToken cancellationToken)
    {
        var from = source() ?? throw new InvalidOperationException("This process runs no jobs.");
        return new FetchedJob(from, from.Take(cancellationToken));
    }

    public void Enqueue(IDbConnection connection, string queue, string jobId)
    {
    }

    public IEnumerable<string> GetQueues() => [Name];

    public IEnumerable<long> GetEnqueuedJobIds(string queue, int from, int perPage)
    {
        using var command = database.DataSource.CreateCommand(WaitingSql);
        command.Parameters.Add(new() { Value = from });
        command.Parameters.Add(new() { Value = perPage });
        using var row = command.ExecuteReader();
        var ids = new List<long>();
        while (row.Read())
        {
            ids.Add(row.GetInt64(0));
        }
        return ids;
    }

    /// <returns>None: what has been claimed is being processed.</returns>
    public IEnumerable<long> GetFetchedJobIds(string queue, int from, int perPage) => [];

    public EnqueuedAndFetchedCountDto GetEnqueuedAndFetchedCount(string queue)
    {
        using var command = database.DataSource.CreateCommand(CountSql);
        return new EnqueuedAndFetchedCountDto { EnqueuedCount = (long)command.ExecuteScalar()! };
    }

    private sealed class FetchedJob(IJobSource source, ClaimedJob claim) : IFetchedJob, IFetchedEntry
    {
        private bool _isReleased;

        public string JobId => claim.Job.QueueId!;

        public Job? NewJob => claim.Job is { Attempt: 1 } first ? first : null;

        public bool IsPutBack => claim.IsPutBack;

        public void Note(string? state) => claim.IsShown = claim.IsAnsweredBy(state);

        public void RemoveFromQueue() => Release(isRefused: true);

        public void Requeue() => Release(isRefused: false);

        public void Dispose() => Release(isRefused: false);

        private void Release(bool isRefused)
        {
            if (!_isReleased)
            {
                _isReleased = true;
                source.ReleaseAsync(claim, isRefused).GetAwaiter().GetResult();
            }
        }
    }
}

/// <summary>Where the slots of this process get their jobs from.</summary>
public interface IJobSource
{
    /// <summary>Waits, as an idle slot, until there is a job for it.</summary>
    ClaimedJob Take(CancellationToken cancellationToken);

    /// <summary>A slot lets go of its job. One that the runner never got is put back.</summary>
    /// <param name="claim">The job.</param>
    /// <param name="isRefused">True when Hangfire would not run it, because of the state of its own entry.</param>
    Task ReleaseAsync(ClaimedJob claim, bool isRefused);
}

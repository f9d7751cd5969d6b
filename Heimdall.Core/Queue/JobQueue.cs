using System.Transactions;
using Hangfire;
using Hangfire.States;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Npgsql;
using Job = Heimdall.Core.Jobs.Job;

namespace Heimdall.Core.Queue;

/// <summary>Puts jobs into the queue and takes them out again.</summary>
public sealed class JobQueue(StoreDatabase database, QueueStorage storage, BackgroundJobClientFactory clients)
{
    // What Hangfire calls its default queue. The name is stored with every job.
    internal const string Name = EnqueuedState.DefaultQueue;

    /// <summary>
    /// Writes the rows of jobs and their places in the queue in one transaction: no job runs unrecorded, none is recorded unqueued.
    /// </summary>
    public Task<IReadOnlyList<Job>> EnqueueAsync(IReadOnlyList<Job> jobs, CancellationToken cancellationToken) => InQueueTransactionAsync(
        [.. jobs.Select(job => job.Id)],
        (connection, queueIds) => JobStore.InsertQueuedAsync(
            connection, [.. jobs.Zip(queueIds, (job, queueId) => job with { QueueId = queueId })], cancellationToken),
        cancellationToken);

    /// <summary>Gives a job a new place in the queue, unless somebody has done so already.</summary>
    internal Task<bool> RequeueAsync(Guid jobId, string lostQueueId, CancellationToken cancellationToken) => InQueueTransactionAsync(
        [jobId],
        (connection, queueIds) => JobStore.ReplaceQueueIdAsync(connection, jobId, lostQueueId, queueIds[0], cancellationToken),
        cancellationToken);

    private async Task<T> InQueueTransactionAsync<T>(
        Guid[] jobIds, Func<NpgsqlConnection, string[], Task<T>> writeAsync, CancellationToken cancellationToken)
    {
        await using var connection = await database.DataSource.OpenConnectionAsync(cancellationToken);
        using var transaction = new TransactionScope(
            TransactionScopeOption.RequiresNew,
            new TransactionOptions { IsolationLevel = IsolationLevel.ReadCommitted },
            TransactionScopeAsyncFlowOption.Enabled);
        connection.EnlistTransaction(Transaction.Current);
        var client = clients.Create(storage.On(connection));
        var queueIds = Array.ConvertAll(jobIds, jobId => Enqueue(client, jobId, cancellationToken));
        var written = await writeAsync(connection, queueIds);
        if (written is not false) // somebody else was first: the new place is rolled back
        {
            transaction.Complete();
        }
        return written;
    }

    private static string Enqueue(IBackgroundJobClient client, Guid jobId, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return client.Create<IJobRunner>(runner => runner.RunAsync(jobId, CancellationToken.None), new EnqueuedState(Name));
    }

    /// <summary>Takes a cancelled job out of the queue. Should this be lost, the worker that meets the job drops it.</summary>
    public void Remove(string queueId) => clients.Create().Delete(queueId);
}

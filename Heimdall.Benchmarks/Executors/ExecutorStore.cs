using Heimdall.Benchmarks.Reporting;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Logging.Abstractions;

namespace Heimdall.Benchmarks.Executors;

/// <summary>A store for the executor's jobs: what a job tells of itself is written where a worker writes it.</summary>
internal sealed class ExecutorStore : IAsyncDisposable
{
    /// <summary>Nobody else looks at these jobs, so none is ever taken over.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromDays(1);

    private readonly StoreDatabase _database;
    private readonly JobClaims _claims;
    private readonly JobLogStore _logs;

    private ExecutorStore(StoreDatabase database)
    {
        _database = database;
        _claims = new JobClaims(database);
        _logs = new JobLogStore(database);
    }

    public static async Task<ExecutorStore> OpenAsync(string connectionString, CancellationToken cancellationToken)
    {
        var database = new StoreDatabase(connectionString, "heimdall", "hangfire", ConnectionLimits.ForWorker(1));
        await new StoreMigrator(database, NullLogger<StoreMigrator>.Instance).MigrateAsync(_ => Task.CompletedTask, cancellationToken);
        return new ExecutorStore(database);
    }

    /// <summary>Records a job as running.</summary>
    public async Task<RecordedAttempt> BeginAsync(PluginJob job, CancellationToken cancellationToken)
    {
        await using (var connection = await _database.DataSource.OpenConnectionAsync(cancellationToken))
        {
            await JobStore.InsertQueuedAsync(connection, [ToRecord(job)], cancellationToken);
        }
        var (claimed, _) = await new WaitingJobs(_database).ClaimAsync([(JobLane.Of(ToRecord(job)), 0)], 1, "benchmark", Lease, cancellationToken);
        return claimed is [var recorded] && recorded.Id == job.Id
            ? new RecordedAttempt(_claims, _logs, recorded, Lease)
            : throw new BenchmarkException("The job that was just recorded does not wait.");
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    private static Job ToRecord(PluginJob job) => new()
    {
        Id = job.Id,
        Name = "benchmark",
        Version = "",
        User = "benchmark",
        Status = JobStatus.Accepted,
        IsSync = false,
        ReturnResult = false,
        CommandId = "bench",
        CommandName = "bench",
        ClusterId = job.TargetCluster.Id,
        ClusterName = job.TargetCluster.Id,
        Context = job.Context,
    };
}

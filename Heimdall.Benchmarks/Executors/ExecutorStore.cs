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
    private readonly JobStore _jobs;
    private readonly JobClaims _claims;
    private readonly JobLogStore _logs;

    private ExecutorStore(StoreDatabase database)
    {
        _database = database;
        _jobs = new JobStore(database);
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
        var recorded = await _jobs.InsertRunningAsync(
            new Job
            {
                Id = job.Id,
                Name = "benchmark",
                Version = "",
                User = "benchmark",
                Status = JobStatus.Running,
                IsSync = true,
                ReturnResult = false,
                CommandId = "bench",
                CommandName = "bench",
                ClusterId = job.TargetCluster.Id,
                ClusterName = job.TargetCluster.Id,
                Context = job.Context,
                Attempt = job.Attempt,
            },
            "benchmark",
            Lease,
            cancellationToken);
        return new RecordedAttempt(_claims, _logs, recorded, Lease);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();
}

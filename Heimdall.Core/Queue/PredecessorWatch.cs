using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Queue;

/// <summary>
/// Releases jobs that have waited for others, or cancels them: when the end of a predecessor is announced, and once a
/// lease, for an announcement that was lost.
/// </summary>
internal sealed partial class PredecessorWatch : BackgroundService
{
    private readonly SemaphoreSlim _announced = new(0, 1);
    private readonly JobPredecessors _predecessors;
    private readonly JobStore _jobs;
    private readonly JobMetrics _metrics;
    private readonly QueueEntries _entries;
    private readonly StoreReadiness _readiness;
    private readonly TimeSpan _interval;
    private readonly ILogger<PredecessorWatch> _logger;

    public PredecessorWatch(
        JobPredecessors predecessors,
        JobStore jobs,
        JobMetrics metrics,
        QueueEntries entries,
        StoreNotifications notifications,
        StoreReadiness readiness,
        HeimdallConfig config,
        ILogger<PredecessorWatch> logger)
    {
        _predecessors = predecessors;
        _jobs = jobs;
        _metrics = metrics;
        _entries = entries;
        _readiness = readiness;
        _interval = config.Worker.Lease;
        _logger = logger;
        notifications.Listen(JobPredecessors.Channel, _ => Wake());
    }

    public override void Dispose()
    {
        _announced.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _readiness.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                await ResolveAsync(stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogPostponed(exception.Message);
            }
            await _announced.WaitAsync(_interval, stoppingToken);
        }
    }

    private async Task ResolveAsync(CancellationToken cancellationToken)
    {
        for (var more = true; more;)
        {
            (var canceled, more) = await _predecessors.ResolveAsync(cancellationToken);
            foreach (var id in canceled)
            {
                LogCanceled(id);
                await _entries.TryCloseAsync(id, cancellationToken);
                await _metrics.CountEndAsync(_jobs, id, cancellationToken);
            }
        }
    }

    private void Wake()
    {
        lock (_announced)
        {
            if (_announced.CurrentCount == 0)
            {
                _announced.Release();
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "Job {JobId} ended CANCELED: a job before it has not ended as it was to end")]
    private partial void LogCanceled(Guid jobId);

    [LoggerMessage(LogLevel.Warning, "Jobs that wait for others are looked at later: {Reason}")]
    private partial void LogPostponed(string reason);
}

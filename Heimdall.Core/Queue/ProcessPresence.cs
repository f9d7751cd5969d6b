using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Queue;

/// <summary>
/// Records that this process lives and which jobs it can run, so that a job that nobody can run is known.
/// </summary>
/// <param name="processes">Where.</param>
/// <param name="reach">The jobs; null where none are run.</param>
/// <param name="readiness">Of the store.</param>
/// <param name="config">This process's.</param>
/// <param name="logger">The log.</param>
internal sealed partial class ProcessPresence(
    LivingProcesses processes, JobReach? reach, StoreReadiness readiness, WorkerConfig config,
    ILogger<ProcessPresence> logger)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(config.Lease);
        try
        {
            do
            {
                await TryAsync(() => processes.SeenAsync(
                    RunnerName.OfThisProcess, reach?.Clusters ?? [], reach?.Commands ?? [],
                    reach is null ? 0 : config.Concurrency, CancellationToken.None));
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        finally
        {
            await TryAsync(() => processes.GoneAsync(CancellationToken.None));
        }
    }

    private async Task TryAsync(Func<Task> recordAsync)
    {
        try
        {
            await recordAsync();
        }
        catch (NpgsqlException exception)
        {
            LogNotRecorded(exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Warning, "That this process lives could not be recorded: {Reason}")]
    private partial void LogNotRecorded(string reason);
}

using Heimdall.Core.Database;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Results;

/// <summary>
/// Deletes files that no result names, in each process that has a directory: the keeper may have none, or another one.
/// </summary>
internal sealed partial class ResultFileSweep(
    ResultSweep results, StoreReadiness readiness, ILogger<ResultFileSweep> logger)
    : BackgroundService
{
    /// <summary>It reads a whole directory.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval);
        do
        {
            try
            {
                await results.DeleteOrphansAsync(stoppingToken);
            }
            catch (Exception exception)
                when (exception is NpgsqlException or IOException or UnauthorizedAccessException)
            {
                LogPostponed(exception.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Warning, "Files that no result names are deleted later: {Reason}")]
    private partial void LogPostponed(string reason);
}

using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Database;

/// <summary>
/// Looks whether the store can be used and what its clock shows, and says in the log what is wrong, at once and each
/// minute.
/// </summary>
internal sealed partial class StoreWatch(
    StoreHealth health, StoreClock clock, StoreReadiness readiness, ILogger<StoreWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan IntervalInTrouble = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        var store = new RepeatedLine();
        var skew = new RepeatedLine();
        string? last = null;
        while (true)
        {
            var problem = await health.FindProblemAsync(stoppingToken);
            if (problem is null && last is not null)
            {
                LogUsable();
            }
            if (store.IsDue(problem))
            {
                LogProblem(problem!);
            }
            var wrong = clock.FindProblem();
            if (skew.IsDue(wrong is null ? null : nameof(skew))) // its number is another each time
            {
                LogClock(wrong!);
            }
            last = problem;
            await Task.Delay(problem is null ? Interval : IntervalInTrouble, stoppingToken);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The store cannot be used: {Reason}")]
    private partial void LogProblem(string reason);

    [LoggerMessage(LogLevel.Warning, "The store can be used again")]
    private partial void LogUsable();

    [LoggerMessage(
        LogLevel.Warning,
        "Look at the time service of this host: {Reason}. What is due and what expires is decided by the store's clock")]
    private partial void LogClock(string reason);
}

using System.Transactions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Prepares the store when the process starts, and keeps trying while it cannot be reached: a process that starts before
/// its database is not ready, but neither dead nor silently half-working.
/// </summary>
public sealed partial class StoreStartup(
    StoreDatabase database, StoreMigrator migrator, IEnumerable<IStorePreparation> preparations, StoreReadiness readiness, ILogger<StoreStartup> logger)
    : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>Comes back when the store is ready.</summary>
    internal async Task PrepareAsync(CancellationToken stoppingToken)
    {
        var hasWarned = false;
        while (true)
        {
            try
            {
                var warning = await StoreServer.RequireSupportedAsync(database.Migrations, stoppingToken);
                if (warning is not null && !hasWarned)
                {
                    hasWarned = true;
                    LogUntested(warning);
                }
                await StorePooler.RequireSessionsAsync(database.Migrations, stoppingToken);
                await migrator.MigrateAsync(RunPreparationsAsync, stoppingToken);
                readiness.SetReady();
                return;
            }
            catch (Exception exception)
                when (exception is NpgsqlException or StoreServerException or StorePoolerException
                    or StoreSchemaException or TransactionException or TimeoutException
                    or InvalidOperationException { InnerException: NpgsqlException })
            {
                LogNotReachable(exception.Message);
            }
            await Task.Delay(RetryDelay, stoppingToken);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => PrepareAsync(stoppingToken);

    private async Task RunPreparationsAsync(CancellationToken cancellationToken)
    {
        foreach (var preparation in preparations)
        {
            await preparation.PrepareAsync(cancellationToken);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The store's server is newer than this version of Heimdall. {Warning}")]
    private partial void LogUntested(string warning);

    [LoggerMessage(LogLevel.Warning, "The store is not ready, trying again: {Reason}")]
    private partial void LogNotReachable(string reason);
}

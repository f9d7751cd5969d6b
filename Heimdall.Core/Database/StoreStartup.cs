using System.Transactions;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Prepares the store when the process starts, and keeps trying while it cannot be reached: a process that starts before
/// its database is not ready, but neither dead nor silently half-working.
/// </summary>
internal sealed partial class StoreStartup(
    StoreDatabase database, StoreMigrator migrator, StoreProbe probe, IEnumerable<IStorePreparation> preparations,
    StoreReadiness readiness, ILogger<StoreStartup> logger)
    : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    /// <summary>A preparation that takes longer says so, each time that it has taken so long once more.</summary>
    private static readonly TimeSpan LongPreparation = TimeSpan.FromMinutes(1);

    /// <summary>Brings the schema up to date, and writes nothing that the configuration file says.</summary>
    /// <returns>Why it cannot, where waiting would not mend it; null when it is up to date.</returns>
    internal async Task<string?> MigrateAsync(CancellationToken cancellationToken)
    {
        try
        {
            await PrepareAsync(
                preparations.Where(preparation => preparation.MakesTables), IsUnreachable, cancellationToken);
            return null;
        }
        catch (Exception exception) when (IsTriedAgain(exception))
        {
            return ReasonOf(exception, StoreProblem.ForLog);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        PrepareAsync(preparations, IsTriedAgain, stoppingToken);

    /// <summary>Returns when the store is ready.</summary>
    private async Task PrepareAsync(
        IEnumerable<IStorePreparation> wanted, Func<Exception, bool> isTriedAgain, CancellationToken stoppingToken)
    {
        var hasWarned = false;
        var line = new RepeatedLine();
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
                await probe.ReadClockAsync(stoppingToken); // ids of jobs are made by it, and preparations decide runs
                await WaitAsync(migrator.MigrateAsync(token => RunAsync(wanted, token), stoppingToken), stoppingToken);
                readiness.SetReady();
                return;
            }
            catch (Exception exception) when (isTriedAgain(exception))
            {
                var reason = ReasonOf(exception, StoreProblem.ForLog);
                readiness.SetProblem(ReasonOf(exception, StoreProblem.Of));
                if (line.IsDue(reason))
                {
                    LogNotReady(reason);
                }
            }
            await Task.Delay(RetryDelay, stoppingToken);
        }
    }

    private static async Task RunAsync(IEnumerable<IStorePreparation> wanted, CancellationToken cancellationToken)
    {
        foreach (var preparation in wanted)
        {
            await preparation.PrepareAsync(cancellationToken);
        }
    }

    private static bool IsTriedAgain(Exception exception) =>
        exception is NpgsqlException or StoreServerException or StorePoolerException or StoreSchemaException
            or TransactionException or TimeoutException
            or InvalidOperationException { InnerException: NpgsqlException };

    /// <summary>True while the store does not answer, stops or starts, or takes no more sessions.</summary>
    private static bool IsUnreachable(Exception exception) => exception switch
    {
        InvalidOperationException { InnerException: NpgsqlException cause } => IsUnreachable(cause),
        PostgresException refusal =>
            refusal.IsTransient || SqlStates.ClassOf(refusal.SqlState) == SqlErrorClass.Unavailable,
        _ => exception is NpgsqlException or TransactionException or TimeoutException,
    };

    [LoggerMessage(LogLevel.Warning, "The store's server is newer than this version of Heimdall. {Warning}")]
    private partial void LogUntested(string warning);

    /// <summary>Another process may prepare the store, or a lock keeps a migration waiting.</summary>
    private async Task WaitAsync(Task preparation, CancellationToken stoppingToken)
    {
        while (await Task.WhenAny(preparation, Task.Delay(LongPreparation, stoppingToken)) != preparation
            && !stoppingToken.IsCancellationRequested)
        {
            LogStillPreparing(LongPreparation.TotalSeconds);
        }
        await preparation;
    }

    /// <summary>The first sentence may be about a migration, and what has made it fail is in the exception within.</summary>
    private static string ReasonOf(Exception exception, Func<Exception, string> describe) =>
        exception is InvalidOperationException { InnerException: { } cause }
            ? $"{exception.Message.TrimEnd('.')}: {describe(cause)}"
            : describe(exception);

    [LoggerMessage(LogLevel.Warning, "The store is not ready, trying again: {Reason}")]
    private partial void LogNotReady(string reason);

    [LoggerMessage(
        LogLevel.Warning,
        "The store is still being prepared after {Seconds} s more: by another process, which holds the lock of the "
        + "migrations, or by this one, which may wait for another transaction")]
    private partial void LogStillPreparing(double seconds);
}

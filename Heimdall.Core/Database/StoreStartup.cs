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
public sealed partial class StoreStartup(
    StoreDatabase database, StoreMigrator migrator, IEnumerable<IStorePreparation> preparations, StoreReadiness readiness, ILogger<StoreStartup> logger)
    : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

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
            return ReasonOf(exception);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        PrepareAsync(preparations, IsTriedAgain, stoppingToken);

    /// <summary>Returns when the store is ready.</summary>
    private async Task PrepareAsync(
        IEnumerable<IStorePreparation> wanted, Func<Exception, bool> isTriedAgain, CancellationToken stoppingToken)
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
                await migrator.MigrateAsync(token => RunAsync(wanted, token), stoppingToken);
                readiness.SetReady();
                return;
            }
            catch (Exception exception) when (isTriedAgain(exception))
            {
                if (FindPublicReason(exception) is { } problem)
                {
                    readiness.SetProblem(problem);
                }
                var reason = ReasonOf(exception);
                LogNotReady(reason);
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

    private static string ReasonOf(Exception exception) =>
        exception is InvalidOperationException { InnerException: { } cause }
            ? $"{exception.Message}: {cause.Message}"
            : exception.Message;

    /// <summary>What /readyz may show: no address and no login. Null where the store has not been reached.</summary>
    private static string? FindPublicReason(Exception exception) => exception switch
    {
        StoreServerException or StorePoolerException or StoreSchemaException => exception.Message,
        InvalidOperationException { InnerException: PostgresException cause } =>
            $"{exception.Message}: {cause.MessageText}",
        PostgresException refusal => $"the store's server refuses (SQLSTATE {refusal.SqlState})",
        _ => null,
    };

    [LoggerMessage(LogLevel.Warning, "The store's server is newer than this version of Heimdall. {Warning}")]
    private partial void LogUntested(string warning);

    [LoggerMessage(LogLevel.Warning, "The store is not ready, trying again: {Reason}")]
    private partial void LogNotReady(string reason);
}

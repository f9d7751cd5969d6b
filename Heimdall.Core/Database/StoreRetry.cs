using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Transactions;
using Heimdall.Core.Plugins;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Tries again while the store is down. For writes that must not be lost, such as the end of a job: no other process can
/// take the job over then either. A write that waits is in the log, at once and each minute.
/// </summary>
public sealed partial class StoreRetry(StoreDatabase database, ILogger<StoreRetry> logger)
{
    // The class of SQLSTATE of internal errors, such as a damaged row: waiting mends none of them.
    private const string InternalError = "XX";

    private static readonly TimeSpan[] Delays =
        [TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(1)];

    /// <summary>From one line in the log to the next.</summary>
    internal TimeSpan LogInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <param name="action">What is tried.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="name">How the log names it.</param>
    public async Task<T> RunAsync<T>(
        Func<CancellationToken, Task<T>> action, CancellationToken cancellationToken, [CallerMemberName] string name = "")
    {
        var begun = Stopwatch.GetTimestamp();
        long? logged = null;
        for (var failures = 0; ; failures++)
        {
            try
            {
                var result = await action(cancellationToken);
                if (logged is not null)
                {
                    LogDone(name, Stopwatch.GetElapsedTime(begun).TotalSeconds);
                }
                return result;
            }
            catch (NpgsqlException exception) when (IsAway(exception))
            {
                if (logged is not { } last || Stopwatch.GetElapsedTime(last) >= LogInterval)
                {
                    logged = Stopwatch.GetTimestamp();
                    LogWaits(name, Stopwatch.GetElapsedTime(begun).TotalSeconds, StoreProblem.ForLog(exception));
                }
                database.DropIdleAfter(exception);
                await Task.Delay(Delays[Math.Min(failures, Delays.Length - 1)], cancellationToken);
            }
        }
    }

    /// <summary>The same of whatever a transaction on the store has thrown.</summary>
    public static bool IsAway(Exception exception) => exception is TransactionException || (exception is NpgsqlException npgsql && IsAway(npgsql));

    /// <summary>True when the store itself is the trouble, not what was asked of it.</summary>
    /// <remarks>
    /// The store's statements are Heimdall's own, so more is the store's than a job's SQL would get away with. It has
    /// failed over to a server that still only reads, rights or a password are being changed, its tables are being
    /// restored, or somebody cancels. An internal error is the store's when it has ended the session: a full disk
    /// refuses new sessions with it.
    /// </remarks>
    public static bool IsAway(NpgsqlException exception) =>
        exception.IsTransient || exception is not PostgresException postgres
        || postgres.InvariantSeverity is "FATAL" or "PANIC"
        || postgres.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName
        || (SqlStates.ClassOf(postgres.SqlState) is SqlErrorClass.ReadOnly or SqlErrorClass.Forbidden
                or SqlErrorClass.Canceled or SqlErrorClass.NoRoom or SqlErrorClass.ServerFault
                or SqlErrorClass.Unavailable
            && !postgres.SqlState.StartsWith(InternalError, StringComparison.Ordinal));

    [LoggerMessage(LogLevel.Warning, "{Name} waits for the store, for {Seconds:0} s so far: {Reason}")]
    private partial void LogWaits(string name, double seconds, string reason);

    [LoggerMessage(LogLevel.Warning, "{Name} has waited for the store for {Seconds:0.0} s and is done")]
    private partial void LogDone(string name, double seconds);
}

using System.Transactions;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Goes on trying while the store is away. For writes that must not be lost, such as the end of a job: nobody else can
/// take the job over while the store is away either.
/// </summary>
public static class StoreRetry
{
    // The class of SQLSTATE of internal errors, such as a damaged row: waiting mends none of them.
    private const string InternalError = "XX";

    private static readonly TimeSpan[] Delays =
        [TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(1)];

    public static async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> action, CancellationToken cancellationToken)
    {
        for (var failures = 0; ; failures++)
        {
            try
            {
                return await action(cancellationToken);
            }
            catch (NpgsqlException exception) when (IsAway(exception))
            {
                await Task.Delay(Delays[Math.Min(failures, Delays.Length - 1)], cancellationToken);
            }
        }
    }

    /// <summary>The same of whatever a transaction on the store has thrown.</summary>
    public static bool IsAway(Exception exception) => exception is TransactionException || (exception is NpgsqlException npgsql && IsAway(npgsql));

    /// <summary>True when the store itself is the trouble, not what was asked of it.</summary>
    /// <remarks>
    /// The store's statements are Heimdall's own, so more is the store's than a job's SQL would get away with. It has
    /// failed over to a server that still only reads, rights or a password are being changed, or somebody cancels.
    /// </remarks>
    public static bool IsAway(NpgsqlException exception) =>
        exception.IsTransient || exception is not PostgresException postgres
        || (SqlStates.ClassOf(postgres.SqlState) is SqlErrorClass.ReadOnly or SqlErrorClass.Forbidden
                or SqlErrorClass.Canceled or SqlErrorClass.NoRoom or SqlErrorClass.ServerFault
                or SqlErrorClass.Unavailable
            && !postgres.SqlState.StartsWith(InternalError, StringComparison.Ordinal));
}

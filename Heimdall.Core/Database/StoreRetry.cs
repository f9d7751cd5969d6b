using System.Transactions;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Goes on trying while the store is away. For writes that must not be lost, such as the end of a job: nobody else can
/// take the job over while the store is away either.
/// </summary>
public static class StoreRetry
{
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
    public static bool IsAway(NpgsqlException exception) => exception.IsTransient || exception is not PostgresException postgres || postgres.SqlState switch
    {
        "25006" => true,                                             // failed over to a server that is still read-only
        "42501" => true,                                             // rights are being changed
        ['2', '8', ..] => true,                                      // the password is being changed
        ['5', '3', ..] or ['5', '7', ..] or ['5', '8', ..] => true, // out of something, shutting down, broken disk
        _ => false,
    };
}

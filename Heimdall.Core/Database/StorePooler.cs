using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Makes sure that a connection to the store keeps its backend. Locks of a session, LISTEN and prepared statements need
/// that.
/// </summary>
internal static class StorePooler
{
    /// <summary>A pooler of transactions with more backends than these may not be noticed.</summary>
    private const int MostOthers = 4;

    private const string Refusal =
        "The address of the store leads to a pooler that gives each transaction another backend. Heimdall holds locks, "
        + "listens and prepares statements in its sessions, which would be other clients' sessions there. Use the "
        + "address of the server itself, or one where the pooler keeps sessions (PgBouncer: pool_mode = session).";

    /// <exception cref="StorePoolerException">It does not.</exception>
    public static async Task RequireSessionsAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var first = await source.OpenConnectionAsync(cancellationToken);
        var backend = await BackendOfAsync(first, cancellationToken);
        if (backend == first.ProcessID)
        {
            return;
        }

        // A pooler stands in between. While others hold transactions, one that keeps sessions gives none of them the
        // first one's backend, and the first one no other.
        var others = new List<NpgsqlConnection>();
        try
        {
            for (var other = 0; other < MostOthers; other++)
            {
                others.Add(await source.OpenConnectionAsync(cancellationToken));
                await others[^1].BeginTransactionAsync(cancellationToken);
                if (await BackendOfAsync(others[^1], cancellationToken) == backend
                    || await BackendOfAsync(first, cancellationToken) != backend)
                {
                    throw new StorePoolerException(Refusal);
                }
            }
        }
        finally
        {
            foreach (var other in others)
            {
                await other.DisposeAsync();
            }
        }
    }

    private static async Task<int> BackendOfAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("select pg_backend_pid()", connection);
        return (int)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}

/// <summary>The pooler in front of the store does not keep sessions.</summary>
internal sealed class StorePoolerException(string message) : Exception(message);

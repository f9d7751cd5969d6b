using System.Data;
using Heimdall.Plugins.Postgres.Wire;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Connections;

/// <summary>
/// Temporary tables, locks, settings, roles, listens: none may reach the next job on a pooled connection, or, of one that is closed,
/// be left for the moment in which the job is over and its backend not yet gone. A session that cannot be wiped is closed.
/// </summary>
internal static class UsedConnections
{
    /// <summary>How long a session that should be idle may take to answer.</summary>
    public static readonly TimeSpan Courtesy = TimeSpan.FromSeconds(2);

    /// <param name="connection">Whose job is over.</param>
    /// <param name="isUsable">False when the session is known to be over.</param>
    /// <param name="isInTransaction">True when a transaction may be open, to be rolled back.</param>
    public static async Task GiveBackAsync(NpgsqlConnection connection, bool isUsable = true, bool isInTransaction = false)
    {
        try
        {
            if (!isUsable)
            {
                await CloseAsync(connection);
            }
            else if (connection.State == ConnectionState.Open)
            {
                using var courtesy = new CancellationTokenSource(Courtesy);
                if (isInTransaction)
                {
                    await ExecuteAsync(connection, "rollback", courtesy.Token);
                }

                await ExecuteAsync(connection, "discard all", courtesy.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException)
        {
            await CloseAsync(connection);
        }
        finally
        {
            await connection.DisposeAsync();
        }
    }

    /// <summary>
    /// Ends a session whose end Npgsql has not seen, so that it does not go back into the pool. The others stay there: at an error of the network
    /// Npgsql would take the whole server for dead, but not at a stream that is closed on this side.
    /// </summary>
    private static async Task CloseAsync(NpgsqlConnection connection)
    {
        if (connection.State != ConnectionState.Open)
        {
            return;
        }

        try
        {
            await OpenedStream.CloseAsync(connection);
            await ExecuteAsync(connection, "select 1", CancellationToken.None);
        }
        catch (NpgsqlException)
        {
            // It has noticed.
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

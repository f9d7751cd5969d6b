using System.Data;
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
            if (isUsable && connection.State == ConnectionState.Open)
            {
                using var courtesy = new CancellationTokenSource(Courtesy);
                if (isInTransaction)
                {
                    await ExecuteAsync(connection, "rollback", courtesy.Token);
                }

                await ExecuteAsync(connection, "discard all", courtesy.Token);
            }
            else if (!isUsable)
            {
                NpgsqlConnection.ClearPool(connection);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException)
        {
            NpgsqlConnection.ClearPool(connection);
        }
        finally
        {
            await connection.DisposeAsync();
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

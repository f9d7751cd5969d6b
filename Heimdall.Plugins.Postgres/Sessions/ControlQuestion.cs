using Heimdall.Plugins.Postgres.Errors;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// Asks something on a second connection, that does no harm when it is asked twice: one of a pool may not have outlived
/// a restart of the server.
/// </summary>
internal static class ControlQuestion
{
    /// <param name="openAsync">Takes a connection of the pool.</param>
    /// <param name="renew">Closes those that are idle in the pool.</param>
    /// <param name="askAsync">Asks on it.</param>
    /// <param name="cancellationToken">Ends the wait for the pool.</param>
    public static async Task<T> AskAsync<T>(
        Func<CancellationToken, ValueTask<NpgsqlConnection>> openAsync,
        Action renew,
        Func<NpgsqlConnection, Task<T>> askAsync,
        CancellationToken cancellationToken)
    {
        await using (var control = await openAsync(cancellationToken))
        {
            try
            {
                return await askAsync(control);
            }
            catch (NpgsqlException e) when (!PostgresErrors.IsUndone(e))
            {
                renew(); // the others are as old
            }
        }

        await using var another = await openAsync(cancellationToken);
        return await askAsync(another);
    }
}

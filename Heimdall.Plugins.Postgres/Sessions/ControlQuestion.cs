using Heimdall.Plugins.Postgres.Errors;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// Asks something on a second connection, that does no harm when it is asked twice: one of a pool may not have outlived
/// a restart of the server.
/// </summary>
internal static class ControlQuestion
{
    public static async Task<T> AskAsync<T>(
        Func<CancellationToken, ValueTask<NpgsqlConnection>> openAsync,
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
                NpgsqlConnection.ClearPool(control); // the others are as old
            }
        }

        await using var another = await openAsync(cancellationToken);
        return await askAsync(another);
    }
}

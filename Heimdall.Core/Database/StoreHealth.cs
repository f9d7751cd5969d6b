using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>Whether this process can work: the store answers it, and its schema is current.</summary>
public sealed class StoreHealth(StoreReadiness readiness, StoreDatabase database)
{
    /// <summary>How long a look may take.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(3);

    /// <returns>Why it cannot; null when it can.</returns>
    public async Task<string?> FindProblemAsync(CancellationToken cancellationToken)
    {
        if (!readiness.IsReady)
        {
            return readiness.Problem;
        }
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(Timeout);
        try
        {
            // Not only bounded by the token: while the store keeps silent, Npgsql asks it to cancel before it gives up.
            await AskAsync(bound.Token).WaitAsync(bound.Token);
            return null;
        }
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException
            && !cancellationToken.IsCancellationRequested)
        {
            return "the store does not answer";
        }
    }

    private async Task AskAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand("select 1");
        await command.ExecuteScalarAsync(cancellationToken);
    }
}

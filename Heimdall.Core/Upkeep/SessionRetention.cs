using Heimdall.Core.Database;

namespace Heimdall.Core.Upkeep;

/// <summary>
/// Deletes sessions of browsers whose time is over, also where nobody signs in any more. One that is left unused is
/// over sooner; its row goes when its longest time is over.
/// </summary>
internal sealed class SessionRetention(StoreDatabase database)
{
    private const string DeleteSql = "delete from browser_session where ends_at < now()";

    /// <returns>How many they were.</returns>
    public async Task<long> DeleteAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(DeleteSql);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

using Heimdall.Core.ConnectionStrings;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>Makes sure that the store's server is one that Heimdall works with.</summary>
internal static class StoreServer
{
    /// <returns>What somebody should know all the same; null for nothing.</returns>
    /// <exception cref="StoreServerException">It is not.</exception>
    public static async Task<string?> RequireSupportedAsync(
        NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        return ServerVersions.FindRefusal(connection) is { } refusal
            ? throw new StoreServerException($"The store's server cannot be used. {refusal}")
            : ServerVersions.FindWarning(connection);
    }
}

/// <summary>Heimdall does not work with the store's server.</summary>
internal sealed class StoreServerException(string message) : Exception(message);

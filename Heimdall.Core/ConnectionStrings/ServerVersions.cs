using Npgsql;

namespace Heimdall.Core.ConnectionStrings;

/// <summary>
/// Which PostgreSQL servers Heimdall works with: those that it is tested with, as its own database and as a cluster.
/// </summary>
public static class ServerVersions
{
    public const int Oldest = 14;
    public const int Newest = 18;

    /// <summary>Looks at the version that a server has said as the connection began.</summary>
    /// <returns>Why it cannot be used, as a sentence; null where it can.</returns>
    public static string? FindRefusal(NpgsqlConnection connection) =>
        connection.PostgreSqlVersion is { Major: < Oldest } version
        ? $"It runs PostgreSQL {version}, and Heimdall needs PostgreSQL {Oldest} or newer."
        : null;

    /// <returns>What somebody should know who uses a newer one, as a sentence; null for no warning.</returns>
    public static string? FindWarning(NpgsqlConnection connection) =>
        connection.PostgreSqlVersion is { Major: > Newest } version
        ? $"It runs PostgreSQL {version}. This version of Heimdall is tested with PostgreSQL {Oldest} to {Newest}."
        : null;
}

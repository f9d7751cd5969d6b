using Heimdall.Benchmarks.Processes;

namespace Heimdall.Benchmarks.Servers;

/// <summary>The processor time of a PostgreSQL server on this machine: the sum of its processes, also of those that have ended.</summary>
internal sealed class ServerCpu
{
    private readonly int? _postmaster;

    private ServerCpu(int? postmaster) => _postmaster = postmaster;

    public static async Task<ServerCpu> FindAsync(BenchDatabase database, CancellationToken cancellationToken)
    {
        await using var connection = await ServerSql.OpenAsync(database.ConnectionString, cancellationToken);
        return new ServerCpu(ProcessCpu.FindParent(connection.ProcessID, "postgres"));
    }

    /// <returns>Null for a server elsewhere.</returns>
    public double? ReadSeconds() => _postmaster is { } process ? ProcessCpu.OfFamily(process) : null;
}

using System.Diagnostics;
using Hangfire.Storage;
using Npgsql;

namespace Heimdall.Core.Queue.Storage;

/// <summary>
/// A lock of Hangfire's for something else than an entry, as the row that the stock storage writes. Its age is measured
/// by the store's clock. By a process's clock, a fast one would take the locks of all others, and its own locks could
/// not be taken for as long as it is ahead.
/// </summary>
internal sealed class StoreLock
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly Func<NpgsqlConnection> _connection;
    private readonly string _dropDeadSql;
    private readonly string _takeSql;
    private readonly string _releaseSql;
    private readonly TimeSpan _life;
    private readonly string _prefix;

    /// <param name="schema">Hangfire's. It stands before the name of what is locked, as the stock storage has it.</param>
    /// <param name="life">A lock that is older is that of a dead process.</param>
    /// <param name="connection">Gives one that is not open yet.</param>
    public StoreLock(string schema, TimeSpan life, Func<NpgsqlConnection> connection)
    {
        (_life, _connection, _prefix) = (life, connection, $"{schema}:");
        _dropDeadSql = $"""
            delete from "{schema}".lock
            where resource = $1 and not acquired between clock_timestamp() - $2 and clock_timestamp() + $2
            """;
        _takeSql = $"""
            insert into "{schema}".lock (resource, acquired) values ($1, clock_timestamp()) on conflict do nothing
            returning acquired
            """;
        _releaseSql = $"""delete from "{schema}".lock where resource = $1 and acquired = $2""";
    }

    /// <returns>What <see cref="Release"/> wants.</returns>
    /// <exception cref="DistributedLockTimeoutException">Somebody else has it.</exception>
    public DateTime Take(string resource, TimeSpan timeout)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            if (TryTake(resource) is { } acquired)
            {
                return acquired;
            }
            var left = timeout - Stopwatch.GetElapsedTime(begun);
            if (left <= TimeSpan.Zero)
            {
                throw new DistributedLockTimeoutException(resource);
            }
            Thread.Sleep(left < LongestPause ? left : LongestPause); // Hangfire is synchronous
        }
    }

    /// <summary>Gives it back, unless it has grown too old and is somebody else's.</summary>
    public void Release(string resource, DateTime acquired)
    {
        using var connection = _connection();
        connection.Open();
        using var command = new NpgsqlCommand(_releaseSql, connection)
        {
            Parameters = { new() { Value = _prefix + resource }, new() { Value = acquired } },
        };
        command.ExecuteNonQuery();
    }

    private DateTime? TryTake(string resource)
    {
        using var connection = _connection();
        connection.Open();
        using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new(_dropDeadSql) { Parameters = { new() { Value = _prefix + resource }, new() { Value = _life } } },
                new(_takeSql) { Parameters = { new() { Value = _prefix + resource } } },
            },
        };
        return batch.ExecuteScalar() as DateTime?;
    }
}

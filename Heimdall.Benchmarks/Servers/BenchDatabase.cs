using System.Diagnostics;
using Npgsql;

namespace Heimdall.Benchmarks.Servers;

/// <summary>A database of one run: nothing that an earlier run left behind is measured.</summary>
internal sealed class BenchDatabase(string label, string name, string connectionString, Func<Task> dropAsync) : IAsyncDisposable
{
    /// <summary>What it was asked for by.</summary>
    public string Label { get; } = label;

    public string ConnectionString { get; } = connectionString;

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        if (sql.Length > 0)
        {
            await ServerSql.ExecuteAsync(ConnectionString, sql, cancellationToken);
        }
    }

    public Task<long> CountAsync(string sql, CancellationToken cancellationToken) => ServerSql.ScalarAsync<long>(ConnectionString, sql, cancellationToken);

    /// <summary>A program of PostgreSQL's that connects to this database.</summary>
    public ProcessStartInfo Program(string directory, string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(directory, program), arguments);
        foreach (var variable in start.Environment.Keys.Where(key => key.StartsWith("PG", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(variable); // meant for other servers
        }
        var settings = new NpgsqlConnectionStringBuilder(ConnectionString);
        start.Environment["PGHOST"] = settings.Host;
        start.Environment["PGPORT"] = $"{settings.Port}";
        start.Environment["PGUSER"] = settings.Username;
        start.Environment["PGDATABASE"] = name;
        if (settings.Password is { Length: > 0 } password)
        {
            start.Environment["PGPASSWORD"] = password;
        }
        return start;
    }

    public async ValueTask DisposeAsync() => await dropAsync();
}

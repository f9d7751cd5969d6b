using System.Diagnostics;
using Npgsql;

namespace Heimdall.Benchmarks.Servers;

/// <summary>A database of one run: nothing that an earlier run left behind is measured.</summary>
/// <param name="label">What it was asked for by.</param>
/// <param name="connectionString">What it is reached by.</param>
/// <param name="dropAsync">Drops it.</param>
internal sealed class BenchDatabase(string label, string connectionString, Func<Task> dropAsync) : IAsyncDisposable
{
    public string Label => label;

    public string ConnectionString => connectionString;

    /// <summary>As the server knows it.</summary>
    public string Name => new NpgsqlConnectionStringBuilder(connectionString).Database!;

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        if (sql.Length > 0)
        {
            await using var connection = await OpenAsync(cancellationToken);
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var connection = await OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>A connection outside of any pool: the database is dropped soon.</summary>
    public async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, CommandTimeout = 0 };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        return connection;
    }

    /// <summary>A program of PostgreSQL's that connects to this database.</summary>
    public ProcessStartInfo Program(string path, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(path, arguments);
        foreach (var variable in start.Environment.Keys.Where(key => key.StartsWith("PG", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(variable); // meant for other servers
        }
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        start.Environment["PGHOST"] = settings.Host;
        start.Environment["PGPORT"] = $"{settings.Port}";
        start.Environment["PGUSER"] = settings.Username;
        start.Environment["PGDATABASE"] = Name;
        if (settings.Password is { Length: > 0 } password)
        {
            start.Environment["PGPASSWORD"] = password;
        }
        return start;
    }

    public async ValueTask DisposeAsync() => await dropAsync();
}

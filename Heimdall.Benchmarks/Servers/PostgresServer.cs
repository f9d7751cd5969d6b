using Heimdall.Core.ConnectionStrings;
using Npgsql;

namespace Heimdall.Benchmarks.Servers;

/// <summary>The server that is measured on: the one of HEIMDALL_BENCH_DB, or a private one.</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private const string DescribeSql = """
        select format('PostgreSQL %s, shared_buffers %s, max_wal_size %s, fsync %s, synchronous_commit %s', current_setting('server_version'),
            current_setting('shared_buffers'), current_setting('max_wal_size'), current_setting('fsync'), current_setting('synchronous_commit'))
        """;

    private readonly NpgsqlConnectionStringBuilder _connection;
    private readonly PrivatePostgres? _private;
    private readonly string _prefix = $"heimdall_bench_{Guid.NewGuid().ToString("N")[..8]}";

    private PostgresServer(NpgsqlConnectionStringBuilder connection, string programs, PrivatePostgres? own)
    {
        _connection = connection;
        _private = own;
        Programs = programs;
    }

    public static string? External { get; } = Environment.GetEnvironmentVariable("HEIMDALL_BENCH_DB") is { Length: > 0 } text ? text : null;

    /// <summary>The directory of psql, pg_dump and pgbench.</summary>
    public string Programs { get; }

    /// <param name="directory">For the files of a private server.</param>
    /// <param name="settings">Of a private server.</param>
    /// <param name="cancellationToken">Ends the wait for it.</param>
    public static async Task<PostgresServer> StartAsync(string directory, IEnumerable<string> settings, CancellationToken cancellationToken)
    {
        if (External is not null)
        {
            var programs = Environment.GetEnvironmentVariable("HEIMDALL_BENCH_PG_BIN") ?? await PrivatePostgres.FindProgramsAsync(cancellationToken);
            return new PostgresServer(ConnectionString.Parse(External), programs, own: null);
        }
        var own = await PrivatePostgres.StartAsync(directory, settings, cancellationToken);
        var connection = new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = own.Port, Username = "postgres", Database = "postgres" };
        return new PostgresServer(connection, own.Programs, own);
    }

    /// <summary>An empty database, gone when it is disposed.</summary>
    public async Task<BenchDatabase> CreateDatabaseAsync(string label, CancellationToken cancellationToken)
    {
        var name = NameOf(label);
        await ExecuteAsync($"create database {name} template template0", cancellationToken);
        return new BenchDatabase(label, name, ConnectionStringOf(label), () => ExecuteAsync($"drop database {name} with (force)", CancellationToken.None));
    }

    /// <summary>What a database is or will be reached by.</summary>
    public string ConnectionStringOf(string label) =>
        new NpgsqlConnectionStringBuilder(_connection.ConnectionString) { Database = NameOf(label) }.ConnectionString;

    /// <summary>A checkpoint in the middle of a run would be paid by that run alone.</summary>
    public Task CheckpointAsync(CancellationToken cancellationToken) => ExecuteAsync("checkpoint", cancellationToken);

    public Task<string> DescribeAsync(CancellationToken cancellationToken) => ServerSql.ScalarAsync<string>(_connection.ConnectionString, DescribeSql, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_private is not null)
        {
            await _private.DisposeAsync();
        }
    }

    private string NameOf(string label) => $"{_prefix}_{label}";

    private Task ExecuteAsync(string sql, CancellationToken cancellationToken) => ServerSql.ExecuteAsync(_connection.ConnectionString, sql, cancellationToken);
}

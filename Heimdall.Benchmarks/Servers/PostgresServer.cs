using System.Diagnostics;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reports;
using Heimdall.Core.ConnectionStrings;
using Npgsql;

namespace Heimdall.Benchmarks.Servers;

/// <summary>
/// The server that is measured on: the one of HEIMDALL_BENCH_DB, or a private one that <c>scripts/private_postgres.sh</c> runs for as
/// long as this process holds the pipe to it.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private const string Script = "private_postgres.sh";

    private const string DescribeSql = """
        select format('PostgreSQL %s, shared_buffers %s, max_wal_size %s, fsync %s, synchronous_commit %s', current_setting('server_version'),
            current_setting('shared_buffers'), current_setting('max_wal_size'), current_setting('fsync'), current_setting('synchronous_commit'))
        """;

    private readonly NpgsqlConnectionStringBuilder _connection;
    private readonly string _programs;
    private readonly Process? _private;
    private readonly string _prefix = $"heimdall_bench_{Guid.NewGuid().ToString("N")[..8]}";

    private PostgresServer(NpgsqlConnectionStringBuilder connection, string programs, Process? own)
    {
        (_connection, _programs, _private) = (connection, programs, own);
        Maintenance = new BenchDatabase("", connection.ConnectionString, () => Task.CompletedTask);
    }

    public static string? External { get; } = Environment.GetEnvironmentVariable("HEIMDALL_BENCH_DB") is { Length: > 0 } text ? text : null;

    /// <summary>For what concerns the whole server.</summary>
    public BenchDatabase Maintenance { get; }

    public static async Task<PostgresServer> StartAsync(string directory, IEnumerable<string> settings, CancellationToken cancellationToken) =>
        External is null
            ? await StartPrivateAsync(directory, settings, cancellationToken)
            : new PostgresServer(ConnectionString.Parse(External), await FindProgramsAsync(cancellationToken), own: null);

    /// <param name="directory">For its files.</param>
    /// <param name="settings">Of postgres, as NAME=VALUE.</param>
    /// <param name="cancellationToken">Ends the wait for it.</param>
    public static async Task<PostgresServer> StartPrivateAsync(string directory, IEnumerable<string> settings, CancellationToken cancellationToken)
    {
        var script = RepositoryScript.Start(Script, [directory, .. settings.SelectMany(setting => new[] { "-c", setting })]);
        var port = await script.StandardOutput.ReadLineAsync(cancellationToken);
        var programs = await script.StandardOutput.ReadLineAsync(cancellationToken)
            ?? throw new BenchmarkException("The private PostgreSQL did not start: see above. Or set HEIMDALL_BENCH_DB to the connection string of a superuser.");
        var connection = new NpgsqlConnectionStringBuilder($"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres");
        return new PostgresServer(connection, programs, script);
    }

    /// <summary>The path of psql, pg_dump or pgbench.</summary>
    public string ProgramPath(string name) => Path.Combine(_programs, name);

    /// <summary>An empty database, gone when it is disposed.</summary>
    public async Task<BenchDatabase> CreateDatabaseAsync(string label, CancellationToken cancellationToken)
    {
        var name = $"{_prefix}_{label}";
        await Maintenance.ExecuteAsync($"create database {name} template template0", cancellationToken);
        return new BenchDatabase(
            label, ConnectionStringOf(label), () => Maintenance.ExecuteAsync($"drop database {name} with (force)", CancellationToken.None));
    }

    /// <summary>What a database is or will be reached by.</summary>
    public string ConnectionStringOf(string label) =>
        new NpgsqlConnectionStringBuilder(_connection.ConnectionString) { Database = $"{_prefix}_{label}" }.ConnectionString;

    /// <summary>A checkpoint in the middle of a run would be paid by that run alone.</summary>
    public Task CheckpointAsync(CancellationToken cancellationToken) => Maintenance.ExecuteAsync("checkpoint", cancellationToken);

    public Task<string> DescribeAsync(CancellationToken cancellationToken) => Maintenance.ScalarAsync<string>(DescribeSql, cancellationToken);

    /// <returns>Reads the seconds of processor time of all the server's processes; null for a server elsewhere.</returns>
    public async Task<Func<double?>> CpuReaderAsync(CancellationToken cancellationToken)
    {
        await using var connection = await Maintenance.OpenAsync(cancellationToken);
        return ProcessUse.FindParent(connection.ProcessID, "postgres") is { } postmaster ? () => ProcessUse.FamilyCpu(postmaster) : () => null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_private is not null)
        {
            _private.StandardInput.Close();
            await _private.WaitForExitAsync();
            _private.Dispose();
        }
    }

    private static async Task<string> FindProgramsAsync(CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable("HEIMDALL_BENCH_PG_BIN") is { Length: > 0 } programs)
        {
            return programs;
        }
        using var script = RepositoryScript.Start(Script, "--bin");
        return await script.StandardOutput.ReadLineAsync(cancellationToken)
            ?? throw new BenchmarkException("No PostgreSQL was found: set HEIMDALL_BENCH_PG_BIN to the directory of psql, pg_dump and pgbench.");
    }
}

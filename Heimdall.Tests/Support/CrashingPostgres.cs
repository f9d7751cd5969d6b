using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Heimdall.Tests.Support;

/// <summary>A PostgreSQL server of one test, whose every commit waits in memory: what it has answered since <see cref="HoldAsync"/> is gone when it crashes.</summary>
internal sealed class CrashingPostgres : IAsyncDisposable
{
    // Nothing but the WAL writer puts a commit on disk.
    private static readonly string[] Settings = ["synchronous_commit=off", "bgwriter_lru_maxpages=0", "checkpoint_timeout=1h", "wal_buffers=16MB"];

    private readonly Process _script;

    private CrashingPostgres(Process script, int port)
    {
        _script = script;
        ConnectionString = $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres";
    }

    public string ConnectionString { get; }

    public static async Task<CrashingPostgres> StartAsync(CancellationToken cancellationToken)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"heimdall-crashing-{Guid.NewGuid():N}");
        var script = Process.Start(new ProcessStartInfo(
            "bash", [Repository.PathOf("scripts/private_postgres.sh"), folder, .. Settings.SelectMany(setting => new[] { "-c", setting })])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var port = await script.StandardOutput.ReadLineAsync(cancellationToken) ?? throw new InvalidOperationException("The server did not start.");
        return new CrashingPostgres(script, int.Parse(port, CultureInfo.InvariantCulture));
    }

    /// <summary>Whether it has crashed and forgotten all since <see cref="HoldAsync"/>. False while it is away.</summary>
    public async Task<bool> HasForgottenAsync(CancellationToken cancellationToken)
    {
        try
        {
            return !await ScalarAsync<bool>("select exists (select from held)", cancellationToken);
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var connection = new NpgsqlConnection($"{ConnectionString};Pooling=false");
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Makes all durable that there is, and nothing that comes.</summary>
    /// <returns>To be handed to <see cref="CrashAsync"/>.</returns>
    public async Task<int> HoldAsync(CancellationToken cancellationToken)
    {
        var writer = await ScalarAsync<int>("select pid from pg_stat_activity where backend_type = 'walwriter'", cancellationToken);
        await ScalarAsync<int>("create table if not exists held (i int); select 1", cancellationToken);
        await ScalarAsync<bool>("select pg_switch_wal() is not null", cancellationToken);
        await SignalAsync("STOP", writer);

        // The log of a server has no gaps: when this is forgotten, so is all that came after it.
        await ScalarAsync<int>("insert into held values (1) returning i", cancellationToken);
        return writer;
    }

    /// <summary>Kills one of its processes: then the server throws away its memory, as after a power cut, and starts anew.</summary>
    public static Task CrashAsync(int writer) => SignalAsync("KILL", writer);

    public async ValueTask DisposeAsync()
    {
        _script.StandardInput.Close();
        await _script.WaitForExitAsync();
        _script.Dispose();
    }

    private static async Task SignalAsync(string signal, int process)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }
}

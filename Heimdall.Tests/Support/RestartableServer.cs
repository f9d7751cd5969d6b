using System.Diagnostics;
using System.Globalization;

namespace Heimdall.Tests.Support;

/// <summary>A PostgreSQL server of a test's own, to be stopped in any way and started again.</summary>
internal sealed class RestartableServer : IAsyncDisposable
{
    // A crash of the server must not cost what it has acknowledged; the machine does not crash here, so nothing is flushed to the disk.
    private static readonly string[] Options = ["-c", "fsync=off", "-c", "synchronous_commit=on", "-c", "max_connections=300", "-c", "max_wal_size=512MB"];

    private readonly Process _script;

    private RestartableServer(Process script, int port)
    {
        _script = script;
        ConnectionString = $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres";
    }

    /// <summary>At a database that is always there.</summary>
    public string ConnectionString { get; }

    public static async Task<RestartableServer> StartAsync()
    {
        // The server may run as another user, and makes its own directory.
        var folder = Path.Combine(Path.GetTempPath(), $"heimdall-server-{Guid.NewGuid():N}");
        var start = new ProcessStartInfo("bash", [Repository.PathOf("scripts/private_postgres.sh"), folder, .. Options])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        var script = Process.Start(start)!;
        var (port, programs) = (await script.StandardOutput.ReadLineAsync(), await script.StandardOutput.ReadLineAsync());
        return programs is null
            ? throw new InvalidOperationException("A PostgreSQL server of the test's own did not start: see above.")
            : new RestartableServer(script, int.Parse(port!, CultureInfo.InvariantCulture));
    }

    /// <summary>Stops it and starts it again.</summary>
    /// <param name="mode">As for <c>pg_ctl</c>: <c>immediate</c> is a crash, <c>fast</c> is in order.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task RestartAsync(string mode, CancellationToken cancellationToken)
    {
        await _script.StandardInput.WriteLineAsync(mode.AsMemory(), cancellationToken);
        await _script.StandardInput.FlushAsync(cancellationToken);
        if (await _script.StandardOutput.ReadLineAsync(cancellationToken) != mode)
        {
            throw new InvalidOperationException("The test's PostgreSQL server did not start again: see above.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _script.StandardInput.Close();
        await _script.WaitForExitAsync();
        _script.Dispose();
    }
}

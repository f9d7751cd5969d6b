using System.Diagnostics;
using System.Globalization;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>A PostgreSQL server of a test's own, to be stopped in any way and started again.</summary>
internal sealed class RestartableServer : IAsyncDisposable
{
    // A crash of the server must not cost what it has acknowledged; the machine does not crash here, so nothing is flushed to the disk.
    private static readonly string[] Options = ["-c", "fsync=off", "-c", "synchronous_commit=on", "-c", "max_connections=300", "-c", "max_wal_size=512MB"];

    /// <summary>The exit code of the script where npm has no programs.</summary>
    private const int NotToBeHad = 3;

    private readonly Process _script;
    private readonly int _port;

    private RestartableServer(Process script, int port)
    {
        (_script, _port) = (script, port);
        ConnectionString = $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres";
    }

    /// <summary>At a database that is always there.</summary>
    public string ConnectionString { get; }

    public static Task<RestartableServer> StartAsync(params string[] settings) => StartAsync([], settings);

    /// <summary>
    /// Of a major version, by the programs that npm has. The test is skipped where these cannot be had.
    /// </summary>
    public static Task<RestartableServer> StartVersionAsync(int major) =>
        StartAsync(["--server", major.ToString(CultureInfo.InvariantCulture)], []);

    /// <summary>Starts a copy of this server that follows it.</summary>
    public Task<RestartableServer> StartStandbyAsync(params string[] settings) =>
        StartAsync(["--standby-of", _port.ToString(CultureInfo.InvariantCulture)], settings);

    private static async Task<RestartableServer> StartAsync(string[] kind, string[] settings)
    {
        // The server may run as another user, and makes its own directory.
        var folder = Path.Combine(Path.GetTempPath(), $"heimdall-server-{Guid.NewGuid():N}");
        var start = new ProcessStartInfo("bash", [Repository.PathOf("scripts/private_postgres.sh"), .. kind, folder, .. Options, .. settings.SelectMany(setting => new[] { "-c", setting })])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        var script = Process.Start(start)!;
        var (port, programs) = (await script.StandardOutput.ReadLineAsync(), await script.StandardOutput.ReadLineAsync());
        if (programs is null)
        {
            await script.WaitForExitAsync();
            if (script.ExitCode == NotToBeHad)
            {
                Assert.Ignore(
                    $"PostgreSQL {kind[1]} cannot be had here: there is no npm, or it reaches no package of it.");
            }
        }

        return programs is null
            ? throw new InvalidOperationException("A PostgreSQL server of the test's own did not start: see above.")
            : new RestartableServer(script, int.Parse(port!, CultureInfo.InvariantCulture));
    }

    /// <summary>Stops it and starts it again.</summary>
    /// <param name="mode">As for <c>pg_ctl</c>: <c>immediate</c> is a crash, <c>fast</c> is in order.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="seconds">How long it stays away.</param>
    public Task RestartAsync(string mode, CancellationToken cancellationToken, int seconds = 0) => AskAsync($"{mode} {seconds}", mode, cancellationToken);

    /// <summary>Makes a primary of a standby.</summary>
    public Task PromoteAsync(CancellationToken cancellationToken) => AskAsync("promote", "promote", cancellationToken);

    private async Task AskAsync(string what, string answer, CancellationToken cancellationToken)
    {
        await _script.StandardInput.WriteLineAsync(what.AsMemory(), cancellationToken);
        await _script.StandardInput.FlushAsync(cancellationToken);
        if (await _script.StandardOutput.ReadLineAsync(cancellationToken) != answer)
        {
            throw new InvalidOperationException("The test's PostgreSQL server did not do so: see above.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _script.StandardInput.Close();
        await _script.WaitForExitAsync();
        _script.Dispose();
    }
}

using System.Diagnostics;
using System.Globalization;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Servers;

/// <summary>A server that <c>scripts/private_postgres.sh</c> runs for as long as this process holds the pipe to it.</summary>
internal sealed class PrivatePostgres : IAsyncDisposable
{
    private readonly Process _script;

    private PrivatePostgres(Process script, int port, string programs)
    {
        _script = script;
        Port = port;
        Programs = programs;
    }

    public int Port { get; }

    public string Programs { get; }

    public static async Task<PrivatePostgres> StartAsync(string directory, IEnumerable<string> settings, CancellationToken cancellationToken)
    {
        var script = Run([directory, .. settings.SelectMany(setting => new[] { "-c", setting })]);
        var (port, programs) = (await script.StandardOutput.ReadLineAsync(cancellationToken), await script.StandardOutput.ReadLineAsync(cancellationToken));
        return programs is null
            ? throw new BenchmarkException("The private PostgreSQL did not start: see above. Or set HEIMDALL_BENCH_DB to the connection string of a superuser.")
            : new PrivatePostgres(script, int.Parse(port!, CultureInfo.InvariantCulture), programs);
    }

    public static async Task<string> FindProgramsAsync(CancellationToken cancellationToken)
    {
        using var script = Run(["--bin"]);
        return await script.StandardOutput.ReadLineAsync(cancellationToken)
            ?? throw new BenchmarkException("No PostgreSQL was found: set HEIMDALL_BENCH_PG_BIN to the directory of psql, pg_dump and pgbench.");
    }

    public async ValueTask DisposeAsync()
    {
        _script.StandardInput.Close();
        await _script.WaitForExitAsync();
        _script.Dispose();
    }

    private static Process Run(IEnumerable<string> arguments) =>
        Process.Start(new ProcessStartInfo("bash", [FindScript(), .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    private static string FindScript()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Heimdall.sln")))
        {
            folder = folder.Parent ?? throw new BenchmarkException("The scripts of the repository are needed: run the benchmarks from there, or set HEIMDALL_BENCH_DB and HEIMDALL_BENCH_PG_BIN.");
        }
        return Path.Combine(folder.FullName, "scripts", "private_postgres.sh");
    }
}

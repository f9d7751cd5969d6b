using System.Diagnostics;
using Heimdall.Benchmarks.Reports;

namespace Heimdall.Benchmarks.Processes;

/// <summary>This program once more, with one of the words that only it itself calls. It ends when its stdin is closed.</summary>
internal sealed class InnerProgram : IAsyncDisposable
{
    /// <summary>The environment variable with the connection string of the database: arguments show a password to everyone.</summary>
    public const string DatabaseVariable = "HEIMDALL_BENCH_DATABASE";

    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(5);

    private readonly Process _process;

    private InnerProgram(Process process) => _process = process;

    public int ProcessId => _process.Id;

    public static string Database => Environment.GetEnvironmentVariable(DatabaseVariable)!;

    /// <param name="database">The connection string of the database that it works on.</param>
    /// <param name="arguments">The word, and what belongs to it.</param>
    public static InnerProgram Start(string database, params IEnumerable<string> arguments) =>
        new(Process.Start(new ProcessStartInfo("dotnet", [typeof(InnerProgram).Assembly.Location, .. arguments])
        {
            Environment = { [DatabaseVariable] = database },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!);

    /// <exception cref="BenchmarkException">It has ended.</exception>
    public async Task<string> ReadLineAsync(CancellationToken cancellationToken) =>
        await _process.StandardOutput.ReadLineAsync(cancellationToken) ?? throw new BenchmarkException("A program of this one has ended: see above.");

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using (var timeout = new CancellationTokenSource(EndTimeout))
        {
            await _process.WaitForExitAsync(timeout.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (!_process.HasExited)
        {
            _process.Kill(); // in the middle of its work, when the whole run is stopped
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
    }
}

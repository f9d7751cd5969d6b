using System.Diagnostics;

namespace Heimdall.Benchmarks.Processes;

/// <summary>This program once more, with one of the sub-commands that only it itself calls. It ends when its stdin is closed.</summary>
internal sealed class InnerProgram : IAsyncDisposable
{
    private readonly Process _process;

    private InnerProgram(Process process) => _process = process;

    public int ProcessId => _process.Id;

    /// <param name="variable">An environment variable for what may hold a password, which arguments show to everyone.</param>
    /// <param name="value">Its value.</param>
    /// <param name="arguments">The sub-command and its arguments.</param>
    public static InnerProgram Start(string variable, string value, params IEnumerable<string> arguments) =>
        new(Process.Start(new ProcessStartInfo("dotnet", [typeof(InnerProgram).Assembly.Location, .. arguments])
        {
            Environment = { [variable] = value },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!);

    public async Task WriteLineAsync(string line, CancellationToken cancellationToken)
    {
        await _process.StandardInput.WriteLineAsync(line.AsMemory(), cancellationToken);
        await _process.StandardInput.FlushAsync(cancellationToken);
    }

    /// <returns>Null once it has ended.</returns>
    public ValueTask<string?> ReadLineAsync(CancellationToken cancellationToken) => _process.StandardOutput.ReadLineAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using (var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5)))
        {
            await _process.WaitForExitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (!_process.HasExited)
        {
            _process.Kill(); // in the middle of its work, when the whole run is stopped
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
    }
}

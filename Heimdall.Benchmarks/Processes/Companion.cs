using System.Diagnostics;
using System.Globalization;

namespace Heimdall.Benchmarks.Processes;

/// <summary>
/// A program that runs beside this one and never outlives it: its shell kills it when the pipe from this process closes, which a
/// process that is killed does too.
/// </summary>
internal sealed class Companion : IAsyncDisposable
{
    // The shell waits for the program, and its watcher for the end of stdin. Both ignore a Ctrl-C of the terminal: this process
    // may still need the program to end in order.
    private const string Shell = """
        trap '' INT HUP
        exec 3<&0
        "$@" >>"$0" 2>&1 3<&- &
        program=$!
        trap '' TERM
        echo $program
        { cat <&3 >/dev/null; kill -KILL $program; } 2>/dev/null &
        wait $program 2>/dev/null
        kill -KILL $! 2>/dev/null
        """;

    private readonly Process _shell;

    private Companion(Process shell, int processId)
    {
        _shell = shell;
        ProcessId = processId;
    }

    /// <summary>The program's.</summary>
    public int ProcessId { get; }

    public bool HasExited => _shell.HasExited;

    /// <param name="log">The file that gets what the program writes.</param>
    /// <param name="command">The program and its arguments.</param>
    public static Companion Start(string log, params IEnumerable<string> command)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", Shell, log, .. command]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var shell = Process.Start(start)!;
        return new Companion(shell, int.Parse(shell.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture));
    }

    /// <summary>Asks the program to end in order, and waits until it has.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var kill = Process.Start("kill", ["-TERM", $"{ProcessId}"]);
        await kill.WaitForExitAsync(cancellationToken);
        await _shell.WaitForExitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync();
        _shell.Dispose();
    }
}

using System.Diagnostics;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>One of Heimdall's programs, run as its users run it, within the <see cref="ProcessBudget"/>.</summary>
internal sealed class HeimdallProcess : IAsyncDisposable
{
    private readonly Process _process;
    private bool _isDisposed;

    private HeimdallProcess(Process process, string log)
    {
        _process = process;
        Log = log;
    }

    /// <summary>What it writes to stdout and stderr.</summary>
    public string Log { get; }

    public int Id => _process.Id;

    public bool HasExited => _isDisposed || _process.HasExited;

    public static HeimdallProcess Start(string program, string log, params string[] arguments) => Start(program, log, variables: [], arguments);

    /// <param name="program">Its assembly's name.</param>
    /// <param name="log">The file for what it writes.</param>
    /// <param name="variables">Added to the environment.</param>
    /// <param name="arguments">Of the command line.</param>
    public static HeimdallProcess Start(
        string program, string log, IEnumerable<KeyValuePair<string, string>> variables, params string[] arguments) =>
        StartCommand(["dotnet", Assembly(program), .. arguments], log, variables);

    /// <summary>Starts a program that lies somewhere else.</summary>
    public static HeimdallProcess StartCommand(
        string[] command, string log, IEnumerable<KeyValuePair<string, string>> variables)
    {
        // The shell becomes the program: its id is the program's, and the log is written even when the tests do not read it.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >>\"$0\" 2>&1", log, .. command]);
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }
        return ProcessBudget.Start(() => new HeimdallProcess(Process.Start(start)!, log));
    }

    /// <summary>Runs a program to its end.</summary>
    public static Task<(int ExitCode, string Output)> RunAsync(
        string program, CancellationToken cancellationToken, params string[] arguments) =>
        RunCommandAsync(["dotnet", Assembly(program), .. arguments], [], cancellationToken);

    /// <summary>Runs a program that lies somewhere else to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunCommandAsync(
        string[] command, IEnumerable<KeyValuePair<string, string>> variables, CancellationToken cancellationToken)
    {
        var log = Path.GetTempFileName();
        try
        {
            await using var process = StartCommand(command, log, variables);
            var exitCode = await process.WaitForExitAsync(cancellationToken);
            return (exitCode, await File.ReadAllTextAsync(log, cancellationToken));
        }
        finally
        {
            File.Delete(log);
        }
    }

    public string ReadLog() => Read(Log);

    /// <summary>A log that may not have been begun.</summary>
    public static string Read(string log) => File.Exists(log) ? File.ReadAllText(log) : "";

    /// <summary>As the kernel or a power cut would do it: no chance to say good-bye.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        _process.Kill();
        await _process.WaitForExitAsync(cancellationToken);
    }

    /// <summary>SIGTERM, as an init system sends it. Does not wait.</summary>
    public Task TerminateAsync(CancellationToken cancellationToken) => SignalAsync("TERM", cancellationToken);

    /// <summary>Sends a signal by its name: STOP freezes a process, CONT lets it go on.</summary>
    public async Task SignalAsync(string signal, CancellationToken cancellationToken)
    {
        using var kill = Process.Start("kill", [$"-{signal}", Id.ToString(provider: null)]);
        await kill.WaitForExitAsync(cancellationToken);
    }

    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return; // by the test that had started it
        }
        if (!HasExited)
        {
            await KillAsync(CancellationToken.None);
        }
        _isDisposed = true;
        _process.Dispose();
    }

    // Both programs are references of this project, so they are beside it with all they need.
    private static string Assembly(string program) => Path.Combine(TestContext.CurrentContext.TestDirectory, $"{program}.dll");
}

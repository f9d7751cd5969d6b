using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reports;

namespace Heimdall.Benchmarks.Clients;

/// <summary>A program of another package.</summary>
internal static class Tool
{
    /// <returns>Its path. Where it is missing, it is installed as test.sh installs what the tests need.</returns>
    /// <exception cref="BenchmarkException">It is missing and cannot be installed.</exception>
    public static async Task<string> FindAsync(string program, CancellationToken cancellationToken)
    {
        if (OnPath(program) is { } path)
        {
            return path;
        }
        using var install = RepositoryScript.Start("install.sh", program, program, "The benchmarks send requests with it.");
        install.StandardInput.Close();
        await Console.Error.WriteLineAsync(await install.StandardOutput.ReadToEndAsync(cancellationToken));
        await install.WaitForExitAsync(cancellationToken);
        return OnPath(program) ?? throw new BenchmarkException($"{program} is missing: see above.");
    }

    private static string? OnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Select(directory => Path.Combine(directory, program))
        .FirstOrDefault(File.Exists);
}

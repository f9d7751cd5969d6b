using System.Diagnostics;
using Heimdall.Benchmarks.Reports;

namespace Heimdall.Benchmarks.Processes;

/// <summary>The shell scripts of the repository that this program was built in.</summary>
internal static class RepositoryScript
{
    /// <summary>Starts one with its stdin and stdout in pipes.</summary>
    /// <exception cref="BenchmarkException">There is no repository around this program.</exception>
    public static Process Start(string script, params IEnumerable<string> arguments)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Heimdall.sln")))
        {
            folder = folder.Parent ?? throw new BenchmarkException($"scripts/{script} is needed: run the benchmarks from the repository.");
        }
        return Process.Start(new ProcessStartInfo("bash", [Path.Combine(folder.FullName, "scripts", script), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
    }
}

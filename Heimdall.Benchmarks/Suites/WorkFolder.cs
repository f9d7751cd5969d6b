using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Suites;

/// <summary>Where inputs and a private server's files are.</summary>
internal sealed class WorkFolder : IDisposable
{
    private const long Gigabyte = 1_000_000_000;
    private readonly bool _isKept;

    /// <param name="path">A folder to keep; null for one that is removed at the end.</param>
    public WorkFolder(string? path)
    {
        _isKept = path is not null;
        FullPath = Path.GetFullPath(path ?? Path.Combine(Path.GetTempPath(), $"heimdall-bench-{Environment.ProcessId}"));
        Directory.CreateDirectory(FullPath); // open to others, unlike a temporary directory of .NET: root's PostgreSQL is another user
    }

    public string FullPath { get; }

    public string PathOf(string name) => Path.Combine(FullPath, name);

    /// <exception cref="BenchmarkException">There is too little.</exception>
    public void RequireSpace(int gigabytes)
    {
        var free = new DriveInfo(FullPath).AvailableFreeSpace;
        if (free < gigabytes * Gigabyte)
        {
            throw new BenchmarkException($"{FullPath} has {free / Gigabyte} GB free, and {gigabytes} GB may be needed. Give a larger place with --work DIR.");
        }
        Console.Error.WriteLine($"up to {gigabytes} GB are needed in {FullPath}, and {free / Gigabyte} GB are free");
    }

    public void Dispose()
    {
        if (!_isKept)
        {
            Directory.Delete(FullPath, recursive: true);
        }
    }
}

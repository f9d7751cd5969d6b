using Heimdall.Benchmarks.Reports;

namespace Heimdall.Benchmarks.Suites;

/// <summary>Where inputs and a private server's files are.</summary>
internal sealed class WorkFolder : IDisposable
{
    private const long Gigabyte = 1_000_000_000;
    private readonly bool _isKept;

    /// <param name="path">A folder to keep; null for one that is removed at the end.</param>
    /// <param name="gigabytes">That may be needed.</param>
    /// <exception cref="BenchmarkException">There is too little space.</exception>
    public WorkFolder(string? path, int gigabytes)
    {
        _isKept = path is not null;
        FullPath = Path.GetFullPath(path ?? Path.Combine(Path.GetTempPath(), $"heimdall-bench-{Environment.ProcessId}"));
        Directory.CreateDirectory(FullPath); // open to others, unlike a temporary directory of .NET: root's PostgreSQL is another user
        var free = new DriveInfo(FullPath).AvailableFreeSpace / Gigabyte;
        if (free < gigabytes)
        {
            throw new BenchmarkException($"{FullPath} has {free} GB free, and {gigabytes} GB may be needed. Give a larger place with --work DIR.");
        }
        Console.Error.WriteLine($"up to {gigabytes} GB are needed in {FullPath}, and {free} GB are free");
    }

    public string FullPath { get; }

    public void Dispose()
    {
        if (!_isKept)
        {
            Directory.Delete(FullPath, recursive: true);
        }
    }
}

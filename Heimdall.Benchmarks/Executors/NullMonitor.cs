using Heimdall.Core.Plugins;

namespace Heimdall.Benchmarks.Executors;

/// <summary>Forgets what it is told: what a job costs when nobody wants to know of it.</summary>
internal sealed class NullMonitor : IJobMonitor
{
    public static NullMonitor Instance { get; } = new();

    public bool WantsStdout => false;

    public void Report(JobProgress progress)
    {
    }

    public void Stdout(string line)
    {
    }

    public void Stderr(string line)
    {
    }

    public Task RecordEvidenceAsync(string evidence, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task ConfirmAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

using System.Collections.Concurrent;
using Heimdall.Core.Plugins;

namespace Heimdall.Tests.Plugins;

internal sealed class FakeJobMonitor : IJobMonitor
{
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ConcurrentQueue<JobProgress> Progress { get; } = [];

    public ConcurrentQueue<string> Out { get; } = [];

    public ConcurrentQueue<string> Err { get; } = [];

    public string? Evidence { get; private set; }

    /// <summary>Completes when the evidence is recorded: the script begins.</summary>
    public Task Started => _started.Task;

    public Func<CancellationToken, Task> OnConfirm { get; init; } = _ => Task.CompletedTask;

    public Func<CancellationToken, Task> OnEvidence { get; init; } = _ => Task.CompletedTask;

    public bool WantsStdout => true;

    public void Report(JobProgress progress) => Progress.Enqueue(progress);

    public void Stdout(string line) => Out.Enqueue(line);

    public void Stderr(string line) => Err.Enqueue(line);

    public Task RecordEvidenceAsync(string evidence, CancellationToken cancellationToken)
    {
        Evidence = evidence;
        _started.TrySetResult();
        return OnEvidence(cancellationToken);
    }

    public Task ConfirmAsync(CancellationToken cancellationToken) => OnConfirm(cancellationToken);
}

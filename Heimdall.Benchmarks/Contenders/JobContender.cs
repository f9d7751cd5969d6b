using Heimdall.Benchmarks.EndToEnd;
using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Contenders;

/// <summary>A job, over HTTP and the queue to a worker: what users get.</summary>
internal sealed class JobContender(RunningHeimdall heimdall) : IContender
{
    /// <summary>In the names of its databases.</summary>
    public const string Label = "job";

    public string Name => Label;

    public Task PrepareAsync(ScriptRow row, CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task<TimedRun> RunAsync(ScriptRow row, BenchDatabase database, CancellationToken cancellationToken)
    {
        var (job, http) = await heimdall.RunAsync(database.Label, row.ContextOf(row.Input), cancellationToken);
        return new TimedRun { Seconds = job, HttpSeconds = http };
    }
}

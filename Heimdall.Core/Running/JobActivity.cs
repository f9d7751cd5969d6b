using System.Collections.Concurrent;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Sharing;

namespace Heimdall.Core.Running;

/// <summary>
/// What running jobs do in their clusters, for who watches them. However many watch, a cluster is asked one short question at a time, and of a job
/// once a second: they keep no job from the connections that stop it.
/// </summary>
public sealed class JobActivity : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(1);

    private readonly JobAttempts _attempts;
    private readonly PluginJobs _pluginJobs;
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _turns = new(); // by the cluster's id
    private readonly SharedAnswers<(Guid JobId, int Attempt), (bool Answered, SessionActivity? Session)> _answers;

    internal JobActivity(JobAttempts attempts, PluginJobs pluginJobs, TimeProvider time)
    {
        (_attempts, _pluginJobs) = (attempts, pluginJobs);
        _answers = new(Age, time);
    }

    /// <returns>Whether the cluster answered in time, and the session that it has for the job; null when it has none.</returns>
    public Task<(bool Answered, SessionActivity? Session)> FindAsync(Job job, CancellationToken cancellationToken) =>
        _answers.GetAsync((job.Id, job.Attempt), () => AskAsync(job)).WaitAsync(cancellationToken);

    public void Dispose()
    {
        foreach (var turn in _turns.Values)
        {
            turn.Dispose();
        }
    }

    private async Task<(bool Answered, SessionActivity? Session)> AskAsync(Job job)
    {
        if (_pluginJobs.FindPlugin(job) is not { } plugin)
        {
            return (false, null);
        }
        // Not on behalf of one of those who share the answer: whoever goes, the others wait for it.
        var evidence = (await _attempts.ListAsync(job.Id, CancellationToken.None)).LastOrDefault(attempt => attempt.Number == job.Attempt)?.Evidence;
        var turn = _turns.GetOrAdd(job.ClusterId, _ => new SemaphoreSlim(1, 1));
        using var deadline = new CancellationTokenSource(Patience);
        try
        {
            await turn.WaitAsync(deadline.Token);
            try
            {
                return (true, await plugin.FindActivityAsync(_pluginJobs.Of(job, results: null), evidence, deadline.Token));
            }
            finally
            {
                turn.Release();
            }
        }
        catch (Exception exception) when (exception is JobFailedException or OperationCanceledException)
        {
            return (false, null);
        }
    }
}

using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Running;

/// <summary>
/// What running jobs do in their clusters, for who watches them. One question at a time, and a short one: however many watch, they keep
/// no job from the connections that stop it.
/// </summary>
public sealed class JobActivity : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly JobAttempts _attempts;
    private readonly PluginJobs _pluginJobs;
    private readonly SemaphoreSlim _turn = new(1, 1);

    internal JobActivity(JobAttempts attempts, PluginJobs pluginJobs) => (_attempts, _pluginJobs) = (attempts, pluginJobs);

    /// <returns>Whether the cluster answered in time, and the session that it has for the job; null when it has none.</returns>
    public async Task<(bool Answered, SessionActivity? Session)> FindAsync(Job job, CancellationToken cancellationToken)
    {
        if (_pluginJobs.FindPlugin(job) is not { } plugin)
        {
            return (false, null);
        }
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Patience);
        try
        {
            var evidence = (await _attempts.ListAsync(job.Id, deadline.Token)).LastOrDefault(attempt => attempt.Number == job.Attempt)?.Evidence;
            await _turn.WaitAsync(deadline.Token);
            try
            {
                return (true, await plugin.FindActivityAsync(_pluginJobs.Of(job, results: null), evidence, deadline.Token));
            }
            finally
            {
                _turn.Release();
            }
        }
        catch (JobFailedException)
        {
            return (false, null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (false, null);
        }
    }

    public void Dispose() => _turn.Dispose();
}

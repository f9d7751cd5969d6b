using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Running;

/// <summary>The attempts of a job, each with the session it had in the database as far as that is known.</summary>
public sealed class AttemptHistory
{
    private readonly JobAttempts _attempts;
    private readonly PluginJobs _pluginJobs;

    internal AttemptHistory(JobAttempts attempts, PluginJobs pluginJobs) => (_attempts, _pluginJobs) = (attempts, pluginJobs);

    public async Task<IReadOnlyList<(JobAttempt Attempt, AttemptSession? Session)>> ReadAsync(Job job, CancellationToken cancellationToken)
    {
        var plugin = _pluginJobs.FindPlugin(job);
        return
        [
            .. (await _attempts.ListAsync(job.Id, cancellationToken))
                .Select(attempt => (attempt, attempt.Evidence is { } evidence ? plugin?.FindSession(evidence) : null)),
        ];
    }
}

using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Submission;

/// <summary>Records with new jobs that somebody has to approve what they are to run.</summary>
public sealed class JobContents(LiveCatalog catalog, PluginCatalog plugins)
{
    /// <param name="jobs">Those that nobody has to approve stay as they are.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="JobRefusedException">What one would run cannot be approved.</exception>
    public async Task<IReadOnlyList<Job>> PinAsync(IReadOnlyList<Job> jobs, CancellationToken cancellationToken)
    {
        if (jobs.All(job => job.Approval is null))
        {
            return jobs;
        }
        var pinned = new List<Job>(jobs.Count);
        (Job Job, JobContent Content)? last = null; // the children of a parent share its context
        foreach (var job in jobs)
        {
            if (job.Approval is not { } approval)
            {
                pinned.Add(job);
                continue;
            }
            var command = catalog.Current.FindCommandOfJob(job.CommandId)
                ?? throw new JobRefusedException("command_criteria", $"Command '{job.CommandId}' no longer exists.");
            if (last is not { } before || before.Job.CommandId != job.CommandId || before.Job.Context != job.Context)
            {
                last = (job, await plugins.Get(command.Plugin).FindContentAsync(
                    command.Context, job.Context, cancellationToken));
            }
            pinned.Add(job with { Approval = approval with { Content = last.Value.Content } });
        }
        return pinned;
    }
}

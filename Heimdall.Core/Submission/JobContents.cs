using System.Text.Json.Nodes;
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
        // Children share the context of their parent, and a request may name one script a thousand times.
        var found = new Dictionary<(string, string), JobContent>();
        foreach (var job in jobs)
        {
            if (job.Approval is not { } approval)
            {
                pinned.Add(job);
                continue;
            }
            RefuseSecretVariables(job);
            // The secrets of a parent are those of each of its children.
            var secrets = (job.FanOut is null ? job : jobs.FirstOrDefault(child => child.ParentId == job.Id))?.Secrets;
            var context = secrets?.Reveal(job.Context) ?? job.Context;
            var key = (job.CommandId, context.ToJsonString());
            if (!found.TryGetValue(key, out var content))
            {
                found[key] = content = await FindAsync(job, context, secrets, cancellationToken);
            }
            pinned.Add(job with { Approval = approval with { Content = content } });
        }
        return pinned;
    }

    /// <summary>A variable is text in the SQL: who approves would not see a part of what runs.</summary>
    private static void RefuseSecretVariables(Job job)
    {
        var problems = JobSecrets.VariablesIn(job.Context).Select(path => new ContextProblem(
            path, "must not be a secret: who approves the job has to see all of its SQL. Make it a parameter."))
            .ToArray();
        if (problems.Length > 0)
        {
            throw new JobRefusedException(problems);
        }
    }

    private async Task<JobContent> FindAsync(
        Job job, JsonObject context, JobSecrets? secrets, CancellationToken cancellationToken)
    {
        var command = catalog.Current.FindCommandOfJob(job.CommandId)
            ?? throw new JobRefusedException("command_criteria", $"Command '{job.CommandId}' no longer exists.");
        try
        {
            return await plugins.Get(command.Plugin).FindContentAsync(command.Context, context, cancellationToken);
        }
        catch (JobRefusedException refused) when (secrets is not null)
        {
            throw secrets.Redact(refused);
        }
    }
}

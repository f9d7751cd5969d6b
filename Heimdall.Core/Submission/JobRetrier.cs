using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Submission;

/// <summary>Makes a new job of one that has ended: on the same cluster, where what it did is, and with the same command.</summary>
public sealed class JobRetrier(
    JobRouter router, PluginCatalog plugins, ClusterContexts contexts, JobStore jobs, JobIds ids)
{
    /// <param name="id">The job to run again.</param>
    /// <param name="user">Who asks; the new job is theirs.</param>
    /// <param name="scopes">Where they may do so; null: everywhere.</param>
    /// <param name="fromStatement">Where in its script to begin; null for the beginning.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <returns>The old job, and the new one to record or why there is none; null when there is no such job.</returns>
    /// <exception cref="JobRefusedException">The plugin cannot run (any more) what the context says.</exception>
    public async Task<JobRetry?> PrepareAsync(
        Guid id, string user, IReadOnlyList<TagScope>? scopes, long? fromStatement, CancellationToken cancellationToken)
    {
        if (await jobs.FindAsync(id, cancellationToken) is not { } old)
        {
            return null;
        }
        if (!old.Status.IsFinal())
        {
            return new JobRetry { Old = old, Conflict = $"Job {id} is {old.Status.ToName()}; only one that has ended can be run again." };
        }
        var routing = router.Route(new RoutingRequest([$"_id:{old.CommandId}"], [$"_id:{old.ClusterId}"], user)
        {
            Scopes = scopes,
        });
        if (!routing.IsFound)
        {
            return new JobRetry { Old = old, Routing = routing };
        }
        var plugin = plugins.Get(routing.Command.Plugin);
        var plan = plugin.Plan(routing.Command.Context, old.Context, contexts.FindWritten(routing.Cluster.Id));
        ResumePoint? resume = null;
        if (fromStatement is { } statement)
        {
            if (FindOldProblem(old) is { } problem)
            {
                return new JobRetry { Old = old, Conflict = problem };
            }
            resume = new ResumePoint(statement, ResumePoint.HashOf(old.Progress.Sha256!, old.Progress.Files));
            if (await plugin.FindResumeProblemAsync(routing.Command.Context, old.Context, resume, cancellationToken) is { } conflict)
            {
                return new JobRetry { Old = old, Conflict = conflict };
            }
            if (old.Progress.CanResume == false)
            {
                return new JobRetry
                {
                    Old = old,
                    Conflict = $"Job {old.Id} ran its script in a way that cannot begin in the middle: its statements "
                        + "would be counted otherwise, or part of one may be done. Leave out from_statement to run it "
                        + "as a whole.",
                };
            }
        }
        return new JobRetry { Old = old, New = ToNewJob(old, user, routing.Command, routing.Cluster, plan, resume) };
    }

    private static string? FindOldProblem(Job old) => old switch
    {
        { Progress.ResumeFrom: null } => $"Job {old.Id} was no batch with transaction: none, or has not begun: there is nothing to go on with. Leave out from_statement to run it as a whole.",
        { Progress.Sha256: null } => $"What job {old.Id} ran is not known (it has no sha256), so its statements cannot "
            + "be compared with those of the script as it is now.",
        _ => null,
    };

    private Job ToNewJob(Job old, string user, Command command, Cluster cluster, JobPlan plan, ResumePoint? resume)
    {
        var again = new JobSubmission
        {
            Name = old.Name,
            Version = old.Version,
            Description = old.Description,
            Tags = old.Tags,
            CommandCriteria = old.CommandCriteria,
            ClusterCriteria = old.ClusterCriteria,
            Context = old.Context,
            Priority = old.Priority,
            User = user,
        };
        return JobSubmitter.ToJob(ids.Next(), again, command, cluster, plan) with
        {
            RetryOf = old.Id,
            Resume = resume,
        };
    }
}

/// <summary>What became of the wish to run a job again: one of the last three.</summary>
public sealed record JobRetry
{
    public required Job Old { get; init; }

    /// <summary>To be recorded.</summary>
    public Job? New { get; init; }

    /// <summary>What about the old job stands in the way.</summary>
    public string? Conflict { get; init; }

    /// <summary>Its command and cluster do not take it.</summary>
    public RoutingResult? Routing { get; init; }
}

using Heimdall.Core.Catalog;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Submission;

/// <summary>Says what a job would do, and takes nothing in.</summary>
public sealed class JobPreviewer(JobRouter router, PluginCatalog plugins, ClusterContexts contexts)
{
    /// <summary>However long the job itself may run: somebody waits for the answer.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <returns>The pair with the preview, or with what the job would fail for; or why there is no pair.</returns>
    /// <exception cref="JobRefusedException">The plugin cannot run what the context says.</exception>
    public async Task<(RoutingResult Routing, JobPreview? Preview, JobFailure? Failure)> PreviewAsync(
        JobSubmission submission, CancellationToken cancellationToken)
    {
        var routing = router.Route(new RoutingRequest(submission.CommandCriteria, submission.ClusterCriteria, submission.User));
        if (!routing.IsFound)
        {
            return (routing, null, null);
        }
        var plugin = plugins.Get(routing.Command.Plugin);
        var limit = plugin.Plan(routing.Command.Context, submission.Context, contexts.FindWritten(routing.Cluster.Id)).Timeout is { } timeout && timeout < Longest ? timeout : Longest;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(limit);
        try
        {
            var job = new PluginJob
            {
                Id = Guid.CreateVersion7(),
                Attempt = 1,
                TargetCluster = contexts.Resolve(routing.Cluster.Id),
                CommandContext = routing.Command.Context,
                Context = submission.Context,
            };
            return (routing, await plugin.PreviewAsync(job, deadline.Token), null);
        }
        catch (JobFailedException exception)
        {
            return (routing, null, exception.Failure);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (routing, null, new JobFailure { Kind = JobFailureKind.TimedOut, Message = $"The dry run took longer than {limit.TotalSeconds:0.###} s." });
        }
    }
}

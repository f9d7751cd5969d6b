using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Submission;

/// <summary>Says what a job would do, and takes nothing in.</summary>
public sealed class JobPreviewer(
    JobRouter router, PluginCatalog plugins, ClusterContexts contexts, HeimdallConfig config)
{
    /// <summary>However long the job itself may run: somebody waits for the answer.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>Finds a command and a cluster.</summary>
    public RoutingResult Route(JobSubmission submission) => router.Route(submission.ToRoutingRequest());

    /// <summary>Finds the clusters of a job for all of them.</summary>
    /// <exception cref="JobRefusedException">There are more than this server allows, or too much of it.</exception>
    public TargetRouting RouteAll(JobSubmission submission)
    {
        var routing = router.RouteAll(submission.ToRoutingRequest());
        JobSubmitter.CheckSize(routing.Targets.Count, submission.WholeContext, config);
        return routing;
    }

    /// <returns>The preview, or what the job would fail for.</returns>
    /// <exception cref="JobRefusedException">The plugin cannot run what the context says.</exception>
    public async Task<(JobPreview? Preview, JobFailure? Failure)> PreviewAsync(
        JobSubmission submission, Command command, Cluster cluster, CancellationToken cancellationToken)
    {
        var plugin = plugins.Get(command.Plugin);
        var secrets = submission.Secrets;
        try
        {
            var (preview, failure) = await AskAsync(plugin, submission, command, cluster, cancellationToken);
            return secrets is null
                ? (preview, failure)
                : (preview?.Plan is { } plan ? preview with { Plan = secrets.Redact(plan) } : preview,
                    failure is null ? null : secrets.Redact(failure));
        }
        catch (JobRefusedException refused) when (secrets is not null)
        {
            throw secrets.Redact(refused);
        }
    }

    private async Task<(JobPreview? Preview, JobFailure? Failure)> AskAsync(
        IPlugin plugin, JobSubmission submission, Command command, Cluster cluster, CancellationToken cancellationToken)
    {
        var context = submission.WholeContext;
        var plan = plugin.Plan(command.Context, context, contexts.FindWritten(cluster.Id));
        var limit = plan.Timeout is { } timeout && timeout < Longest ? timeout : Longest;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(limit);
        try
        {
            var job = new PluginJob
            {
                Id = Guid.CreateVersion7(),
                Attempt = 1,
                TargetCluster = contexts.Resolve(cluster.Id),
                CommandContext = command.Context,
                Context = context,
            };
            return (await plugin.PreviewAsync(job, deadline.Token), null);
        }
        catch (JobFailedException exception)
        {
            return (null, exception.Failure);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, new JobFailure { Kind = JobFailureKind.TimedOut, Message = $"The dry run took longer than {limit.TotalSeconds:0.###} s." });
        }
    }
}

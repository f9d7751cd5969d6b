using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Submission;

/// <summary>Says what a job would get, and takes nothing in.</summary>
public sealed class JobResolver(JobRouter router, PluginCatalog plugins, ClusterContexts contexts)
{
    public RoutingExplanation Resolve(RoutingRequest request) => router.Explain(request);

    /// <summary>The clusters that a job for all of them would run on.</summary>
    public TargetRouting ResolveAll(RoutingRequest request) => router.RouteAll(request);

    /// <summary>
    /// Why a run of a schedule would be refused when it is due; null: it would become a job. A cluster that does not
    /// answer just now is no reason: the job would wait for it.
    /// </summary>
    public string? FindRefusalOfRun(JobSubmission submission)
    {
        var request = submission.ToRoutingRequest(mayWait: true);
        return submission.FanOut is null
            ? router.Explain(request).Reason
            : router.RouteAll(request).Refusal?.Reason;
    }

    /// <summary>What the plugins find wrong with a job's context, for the commands and clusters that it could get.</summary>
    public IReadOnlyList<ContextProblem> Check(RoutingExplanation explanation, JsonObject context) =>
        [.. explanation.Pairs.SelectMany(pair => Check(pair.Command, pair.Cluster, context)).Distinct()];

    private IReadOnlyList<ContextProblem> Check(Command command, Cluster cluster, JsonObject context)
    {
        try
        {
            plugins.Get(command.Plugin).Plan(command.Context, context, contexts.FindWritten(cluster.Id));
            return [];
        }
        catch (JobRefusedException refused)
        {
            return refused.Problems;
        }
    }
}

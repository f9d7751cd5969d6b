using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Submission;

/// <summary>Says what a job would get, and takes nothing in.</summary>
public sealed class JobResolver(JobRouter router, PluginCatalog plugins)
{
    public RoutingExplanation Resolve(RoutingRequest request) => router.Explain(request);

    /// <summary>What the plugins of the commands that a job could get find wrong with its context.</summary>
    public IReadOnlyList<ContextProblem> Check(RoutingExplanation explanation, JsonObject context) =>
        [.. explanation.Pairs.Select(pair => pair.Command).Distinct().SelectMany(command => Check(command, context)).Distinct()];

    private IReadOnlyList<ContextProblem> Check(Command command, JsonObject context)
    {
        try
        {
            plugins.Get(command.Plugin).Plan(command.Context, context);
            return [];
        }
        catch (JobRefusedException refused)
        {
            return refused.Problems;
        }
    }
}

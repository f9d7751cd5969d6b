using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;

namespace Heimdall.Tests.Configuration;

/// <summary>Knows the contexts of a plugin and runs nothing.</summary>
internal class StubPlugin(string name = "postgres") : IPlugin
{
    public string Name => name;

    /// <summary>The contexts that were checked, secrets resolved.</summary>
    public List<JsonObject> CheckedClusters { get; } = [];

    public IEnumerable<ContextProblem> CheckCluster(JsonObject clusterContext)
    {
        CheckedClusters.Add(clusterContext);

        if (!clusterContext.ContainsKey("connection_string"))
        {
            yield return new ContextProblem("connection_string", $"is required by {name}");
        }

        foreach (var (key, _) in clusterContext.Where(entry => entry.Key != "connection_string"))
        {
            yield return new ContextProblem(key, $"is not known to {name}");
        }
    }

    public IEnumerable<ContextProblem> CheckCommand(JsonObject commandContext) =>
        commandContext["row_limit"] is { } limit && limit.GetValue<int>() < 0 ? [new ContextProblem("row_limit", "must not be negative")] : [];

    public JobPlan Plan(JsonObject commandContext, JsonObject jobContext, JsonObject? clusterContext = null) => throw new NotSupportedException();

    public Task<JobPreview> PreviewAsync(PluginJob job, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<JobProgress> RunAsync(PluginJob job, IJobMonitor monitor, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<AttemptFate> FindFateAsync(PluginJob job, string? evidence, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<string>> ProbeAsync(PluginCluster cluster,
        CancellationToken cancellationToken) => throw new NotSupportedException();
}

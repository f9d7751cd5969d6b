using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Jobs;

/// <summary>What a job with <c>target: all</c> would do, as callers see it. What does not apply is absent.</summary>
internal sealed record TargetsPreviewView
{
    public bool DryRun { get; } = true;

    public required string CommandId { get; init; }

    public required string CommandName { get; init; }

    /// <summary>The clusters, in the order in which their jobs begin.</summary>
    public required IReadOnlyList<TargetView> Targets { get; init; }

    /// <summary>Clusters that carry the criteria and would have no job.</summary>
    public required IReadOnlyList<LeftOutView> LeftOut { get; init; }

    /// <summary>What the job would do on the first target that answered its last health check.</summary>
    public JobPreviewView? Preview { get; init; }

    public static TargetsPreviewView Of(FanOut asked, TargetRouting routing) => new()
    {
        CommandId = routing.Command!.Id,
        CommandName = routing.Command.Name,
        Targets = TargetView.Of(asked, routing.Targets),
        LeftOut = [.. routing.LeftOut.Select(LeftOutView.Of)],
    };
}

/// <param name="ClusterId">The cluster.</param>
/// <param name="ClusterName">Its name.</param>
/// <param name="IsHealthy">Whether it answered its last health check.</param>
/// <param name="IsCanary">Whether its job is one of those that must succeed first.</param>
/// <param name="Waits">Whether its job would wait for others of them.</param>
internal sealed record TargetView(string ClusterId, string ClusterName, bool IsHealthy, bool IsCanary, bool Waits)
{
    public static IReadOnlyList<TargetView> Of(FanOut asked, IReadOnlyList<JobTarget> targets)
    {
        var first = (asked with { Total = targets.Count }).First;
        return [.. targets.Index().Select(target => new TargetView(
            target.Item.Cluster.Id, target.Item.Cluster.Name, target.Item.IsHealthy,
            IsCanary: target.Index < (asked.Canary ?? 0), Waits: target.Index >= first))];
    }
}

/// <param name="ClusterId">The cluster.</param>
/// <param name="Reason">Why it is no target.</param>
internal sealed record LeftOutView(string ClusterId, string Reason)
{
    public static LeftOutView Of(ClusterVerdict verdict) => new(verdict.Cluster.Id, verdict.Loss ?? "");
}

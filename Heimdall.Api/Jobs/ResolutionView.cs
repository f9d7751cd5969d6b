using Heimdall.Api.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Jobs;

/// <summary>The answer of <c>POST /api/v1/resolve</c>. What does not apply is absent.</summary>
internal sealed record ResolutionView
{
    public required bool Found { get; init; }

    /// <summary>Why there is no pair.</summary>
    public string? Reason { get; init; }

    public required IReadOnlyList<PairView> Pairs { get; init; }

    public required IReadOnlyList<CandidateView> Commands { get; init; }

    public required IReadOnlyList<CandidateView> Clusters { get; init; }

    /// <summary>With <c>target: all</c>: the clusters, in the order in which their jobs begin.</summary>
    public IReadOnlyList<TargetView>? Targets { get; init; }

    /// <summary>With <c>target: all</c>: clusters that carry the criteria and would have no job.</summary>
    public IReadOnlyList<LeftOutView>? LeftOut { get; init; }

    /// <summary>What is wrong with the context; there when one was given and a pair was found.</summary>
    public IReadOnlyList<ContextProblem>? Problems { get; init; }

    public static ResolutionView Of(RoutingExplanation explanation, IReadOnlyList<ContextProblem>? problems) => new()
    {
        Found = explanation.Pairs.Count > 0,
        Reason = explanation.Reason,
        Pairs = [.. explanation.Pairs.Select(PairView.Of)],
        Commands = [.. explanation.Commands.Select(item => new CandidateView(item.Command.Id, item.Command.Name, item.Loss is null, item.Loss))],
        Clusters = [.. explanation.Clusters.Select(item => new CandidateView(item.Cluster.Id, item.Cluster.Name, item.Loss is null, item.Loss))],
        Problems = problems is null ? null : NameFirst(problems),
    };

    /// <summary>The same of a job for all clusters.</summary>
    public ResolutionView WithTargets(FanOut asked, TargetRouting routing) => this with
    {
        Found = routing.IsFound,
        Reason = routing.Refusal?.Reason,
        Targets = TargetView.Of(asked, routing.Targets),
        LeftOut = [.. routing.LeftOut.Select(LeftOutView.Of)],
    };

    private static IReadOnlyList<ContextProblem> NameFirst(IReadOnlyList<ContextProblem> problems)
    {
        var faults = new FaultList();
        faults.AddAll(problems.Select(problem => problem with { Path = $"context.{problem.Path}" }));
        return faults.Named;
    }
}

/// <summary>A command and a cluster that a job could get.</summary>
internal sealed record PairView(string CommandId, string CommandName, string ClusterId, string ClusterName, int Weight, double Probability)
{
    public static PairView Of(RoutingChance chance) => new(
        chance.Command.Id, chance.Command.Name, chance.Cluster.Id, chance.Cluster.Name, chance.Cluster.Weight, Math.Round(chance.Probability, 6));
}

/// <summary>A command or a cluster, and why a job cannot get it.</summary>
internal sealed record CandidateView(string Id, string Name, bool Candidate, string? Reason);

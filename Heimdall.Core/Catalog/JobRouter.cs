using Heimdall.Core.Plugins;

namespace Heimdall.Core.Catalog;

/// <summary>Picks the command and the cluster of a job by tags. What fits a job and what does not is decided here and nowhere else.</summary>
public sealed class JobRouter(LiveCatalog catalog, ClusterHealthBoard health)
{
    private const int MostQuoted = 10;

    /// <summary>How a command stands to a job. Of all commands, those that come furthest say why there is none.</summary>
    private enum CommandFit
    {
        LacksTags,
        Inactive,
        NotAllowed,
        Fits,
    }

    /// <summary>How a cluster that carries all tags stands to a job.</summary>
    private enum ClusterFit
    {
        Inactive,
        Unhealthy,
        Fits,
    }

    /// <summary>
    /// Among the pairs of an active command that carries all command criteria and allows the caller, and an active, healthy
    /// cluster that carries all of the command's cluster tags and all cluster criteria, takes one at random,
    /// by the weights of the clusters. What is out of the caller's scopes is not there.
    /// </summary>
    public RoutingResult Route(RoutingRequest request)
    {
        var judgement = Judge(request);
        if (Refuse(judgement, request) is { } refusal)
        {
            return refusal;
        }
        var chosen = judgement.Chosen[Pick([.. judgement.Chosen.Select(pair => pair.Cluster.Weight)], Random.Shared)];
        return RoutingResult.Found(chosen.Command, chosen.Cluster);
    }

    /// <summary>
    /// All clusters that a job could run on, with the one command for it. One that did not answer its last health check
    /// is among them: a job for all clusters must not leave out those that are down. An inactive one takes no jobs.
    /// </summary>
    public TargetRouting RouteAll(RoutingRequest request)
    {
        request = request with { MayWait = true };
        var judgement = Judge(request);
        if (Refuse(judgement, request) is { } refusal)
        {
            return new TargetRouting { Refusal = refusal };
        }
        var pairs = judgement.Pairs.Where(pair => pair.Fit != ClusterFit.Inactive).ToArray();
        if (pairs.Select(pair => pair.Command).Distinct().ToArray() is { Length: > 1 } commands)
        {
            return new TargetRouting
            {
                Refusal = RoutingResult.None(
                    "A job for all clusters has one command, and these match: "
                    + $"{Quote(commands.Select(one => one.Id))}. Name one of them in command_criteria: _id:ID."),
            };
        }
        return new TargetRouting
        {
            Command = pairs[0].Command,
            Targets = [.. pairs
                .OrderBy(pair => pair.Cluster.Id, StringComparer.Ordinal)
                .Select(pair => new JobTarget(pair.Cluster, pair.Fit == ClusterFit.Fits))],
            LeftOut = [.. judgement.Clusters
                .Where(cluster => request.ClusterCriteria.All(cluster.Carries)
                    && !pairs.Any(pair => pair.Cluster == cluster))
                .Select(cluster => new ClusterVerdict(cluster, Loss(cluster, judgement, request)))],
        };
    }

    /// <summary>What <see cref="Route"/> would choose from, and why it would not choose the others.</summary>
    public RoutingExplanation Explain(RoutingRequest request)
    {
        var judgement = Judge(request);
        var weight = judgement.Chosen.Sum(pair => (double)pair.Cluster.Weight);
        return new RoutingExplanation
        {
            Reason = Refuse(judgement, request)?.Reason,
            Pairs = [.. judgement.Chosen.Select(pair => new RoutingChance(pair.Command, pair.Cluster, pair.Cluster.Weight / weight))],
            Commands = [.. judgement.Commands.Select(item => new CommandVerdict(item.Command, Loss(item.Command, item.Fit, judgement, request)))],
            Clusters = [.. judgement.Clusters.Select(cluster => new ClusterVerdict(cluster, Loss(cluster, judgement, request)))],
        };
    }

    private Judgement Judge(RoutingRequest request)
    {
        var snapshot = catalog.Current;
        var clusters = snapshot.Clusters.Where(request.IsInScope).ToArray();
        var commands = snapshot.Commands.Where(request.IsInScope)
            .Select(command => (command, Fit: FitOf(command, request))).ToArray();
        var asked = clusters.Where(cluster => request.ClusterCriteria.All(cluster.Carries)).ToArray();
        var pairs = commands
            .Where(item => item.Fit == CommandFit.Fits)
            .SelectMany(item => asked
                .Where(cluster => item.command.ClusterTags.All(cluster.Carries)
                    && request.IsInScope(item.command, cluster))
                .Select(cluster => new Pair(item.command, cluster, FitOf(cluster))))
            .ToArray();
        var best = request.MayWait && pairs.All(pair => pair.Fit != ClusterFit.Fits) ? ClusterFit.Unhealthy : ClusterFit.Fits;
        return new Judgement(commands, clusters, pairs, [.. pairs.Where(pair => pair.Fit == best)]);
    }

    private static CommandFit FitOf(Command command, RoutingRequest request) => command switch
    {
        _ when !request.CommandCriteria.All(command.Carries) => CommandFit.LacksTags,
        { Status: not CatalogStatus.Active } => CommandFit.Inactive,
        _ when request.FindRefused(command) is not null => CommandFit.NotAllowed,
        _ => CommandFit.Fits,
    };

    private ClusterFit FitOf(Cluster cluster) => cluster.Status != CatalogStatus.Active ? ClusterFit.Inactive
        : health.IsHealthy(cluster.Id) ? ClusterFit.Fits
        : ClusterFit.Unhealthy;

    /// <returns>Why there is no pair, or null when there is one.</returns>
    private static RoutingResult? Refuse(Judgement judgement, RoutingRequest request)
    {
        var criteria = Quote(request.CommandCriteria);
        switch (judgement.Commands.Select(item => item.Fit).DefaultIfEmpty().Max())
        {
            case CommandFit.LacksTags:
                return RoutingResult.None(
                    $"No command carries all of {criteria}."
                    + AskForTags(request.CommandCriteria, judgement.Commands.SelectMany(item => item.Command.AllTags)));
            case CommandFit.Inactive:
                var inactive = judgement.Commands.Where(item => item.Fit == CommandFit.Inactive).Select(item => item.Command.Id);
                return RoutingResult.None($"The commands that carry {criteria} are inactive: {Quote(inactive)}.");
            case CommandFit.NotAllowed:
                var refused = judgement.Commands.Where(item => item.Fit == CommandFit.NotAllowed)
                    .Select(item => request.FindRefused(item.Command)).First();
                return RoutingResult.Forbidden($"User '{refused}' may not use the commands that carry {criteria}.");
        }
        if (judgement.Pairs.Count == 0)
        {
            var clusterTags = judgement.Fitting.Select(command => $"{Quote(command.ClusterTags)} (command '{command.Id}')");
            return RoutingResult.None(
                $"No cluster carries all of the cluster criteria {Quote(request.ClusterCriteria)} and the command's "
                + $"cluster tags {string.Join(" or ", clusterTags)}."
                + AskForTags(request.ClusterCriteria, judgement.Clusters.SelectMany(cluster => cluster.AllTags)));
        }
        var furthest = judgement.Pairs.Max(pair => pair.Fit);
        var clusters = Quote(judgement.Pairs.Where(pair => pair.Fit == furthest).Select(pair => pair.Cluster.Id).Distinct());
        return furthest switch
        {
            ClusterFit.Inactive => RoutingResult.None($"The clusters that match are inactive: {clusters}."),
            ClusterFit.Unhealthy when !request.MayWait => RoutingResult.Unhealthy($"The clusters that match did not answer their last health check: {clusters}."),
            _ => null,
        };
    }

    /// <returns>Why a command is not chosen, or null when it may be.</returns>
    private static string? Loss(Command command, CommandFit fit, Judgement judgement, RoutingRequest request) => fit switch
    {
        CommandFit.LacksTags => $"Lacks the tags {Missing(request.CommandCriteria, command.Carries)}.",
        CommandFit.Inactive => "Is inactive.",
        CommandFit.NotAllowed => $"User '{request.FindRefused(command)}' may not use it.",
        _ when judgement.Chosen.Any(pair => pair.Command == command) => null,
        _ => $"No active, healthy cluster carries the cluster criteria and its cluster tags {Quote(command.ClusterTags)}.",
    };

    /// <returns>Why a cluster is not chosen, or null when it may be.</returns>
    private string? Loss(Cluster cluster, Judgement judgement, RoutingRequest request)
    {
        if (!request.ClusterCriteria.All(cluster.Carries))
        {
            return $"Lacks the tags {Missing(request.ClusterCriteria, cluster.Carries)}.";
        }
        var lacking = judgement.Fitting.Where(command => !command.ClusterTags.All(cluster.Carries)).ToArray();
        if (lacking.Length > 0 && !judgement.Pairs.Any(pair => pair.Cluster == cluster))
        {
            var tags = lacking.Select(command => $"{Missing(command.ClusterTags, cluster.Carries)} of command '{command.Id}'");
            return $"Lacks the cluster tags {string.Join(" and ", tags)}.";
        }
        return FitOf(cluster) switch
        {
            ClusterFit.Inactive => "Is inactive.",
            ClusterFit.Unhealthy when !request.MayWait => "Did not answer its last health check.",
            _ => judgement.Pairs.Count > 0 ? null : "There is no command for it to go with.",
        };
    }

    /// <returns>The place of one of the weights, each as often as it weighs.</returns>
    internal static int Pick(IReadOnlyList<int> weights, Random random)
    {
        var ticket = random.NextInt64(weights.Sum(weight => (long)weight));
        var place = 0;
        while (ticket >= weights[place])
        {
            ticket -= weights[place++];
        }
        return place;
    }

    /// <summary>For criteria that match nothing, the nearest tags. Tags are case-sensitive.</summary>
    private static string AskForTags(IEnumerable<string> criteria, IEnumerable<string> tags)
    {
        var carried = tags.ToHashSet();
        var meant = criteria.Where(tag => !carried.Contains(tag)).Take(MostQuoted)
            .Select(tag => NearestWord.Find(tag, carried))
            .OfType<string>()
            .Distinct()
            .ToArray();
        return meant.Length == 0 ? "" : $" Did you mean {Quote(meant)}?";
    }

    private static string Missing(IEnumerable<string> tags, Predicate<string> carries) => Quote(tags.Where(tag => !carries(tag)));

    /// <summary>Of many words the first are enough: they stand in a reason for each command and each cluster.</summary>
    private static string Quote(IEnumerable<string> words)
    {
        var all = words.ToArray();
        var more = all.Length > MostQuoted ? $" and {all.Length - MostQuoted} more" : "";
        return $"[{string.Join(", ", all.Take(MostQuoted))}{more}]";
    }

    private sealed record Pair(Command Command, Cluster Cluster, ClusterFit Fit);

    /// <param name="Commands">All there are.</param>
    /// <param name="Clusters">All there are.</param>
    /// <param name="Pairs">Of commands that fit and clusters that carry all tags.</param>
    /// <param name="Chosen">Those of the pairs that one is chosen from.</param>
    private sealed record Judgement(
        IReadOnlyList<(Command Command, CommandFit Fit)> Commands, IReadOnlyList<Cluster> Clusters, IReadOnlyList<Pair> Pairs, IReadOnlyList<Pair> Chosen)
    {
        public IEnumerable<Command> Fitting => Commands.Where(item => item.Fit == CommandFit.Fits).Select(item => item.Command);
    }
}

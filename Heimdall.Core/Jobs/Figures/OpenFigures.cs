namespace Heimdall.Core.Jobs.Figures;

/// <summary>The jobs that have not ended, of a cluster or of a command.</summary>
/// <param name="Running">Those that workers run: a limit of concurrency counts these.</param>
/// <param name="Inline">The queries that run in their callers' requests.</param>
/// <param name="Ready">Those that wait for their turn.</param>
/// <param name="Later">Those that wait for a time or for other jobs.</param>
/// <param name="Oldest">Since when the first of the ready ones waits.</param>
public sealed record OpenFigures(long Running, long Inline, long Ready, long Later, DateTime? Oldest)
{
    public static OpenFigures None { get; } = new(0, 0, 0, 0, null);

    public OpenFigures Plus(OpenFigures other) => new(
        Running + other.Running, Inline + other.Inline, Ready + other.Ready, Later + other.Later,
        Oldest is null || other.Oldest < Oldest ? other.Oldest ?? Oldest : Oldest);
}

/// <summary>The same of all clusters and commands; one without open jobs is absent.</summary>
/// <param name="ByCluster">By the id of the cluster.</param>
/// <param name="ByCommand">By the id of the command.</param>
/// <param name="IsPartial">Whether more may wait than were looked at.</param>
public sealed record OpenJobs(
    IReadOnlyDictionary<string, OpenFigures> ByCluster, IReadOnlyDictionary<string, OpenFigures> ByCommand,
    bool IsPartial)
{
    internal static OpenJobs Of(
        IReadOnlyList<(string Cluster, string Command, OpenFigures Figures)> pairs, bool isPartial) => new(
        Sum(pairs.Select(pair => (pair.Cluster, pair.Figures))),
        Sum(pairs.Select(pair => (pair.Command, pair.Figures))), isPartial);

    private static Dictionary<string, OpenFigures> Sum(IEnumerable<(string Id, OpenFigures Figures)> pairs) => pairs
        .GroupBy(pair => pair.Id, StringComparer.Ordinal)
        .ToDictionary(
            group => group.Key,
            group => group.Aggregate(OpenFigures.None, (sum, pair) => sum.Plus(pair.Figures)), StringComparer.Ordinal);
}

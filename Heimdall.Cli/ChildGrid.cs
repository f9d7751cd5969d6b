using System.Globalization;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>The children of a job with <c>target: all</c>, one line a cluster.</summary>
internal static class ChildGrid
{
    public static Task PrintAsync(
        Terminal terminal, HeimdallClient client, Guid parent, CancellationToken cancellationToken) =>
        TextTables.PrintAsync(
            terminal, ReadAsync(client, parent, cancellationToken), null,
            ("cluster", child => child.ClusterName), ("status", child => child.Status), ("took", Took),
            ("error", child => child.Error), ("job", child => child.Id.ToString()));

    /// <summary>The same where stdout is for rows.</summary>
    public static async Task SayAsync(
        Terminal terminal, HeimdallClient client, Guid parent, CancellationToken cancellationToken)
    {
        var children = await ReadAsync(client, parent, cancellationToken).ToArrayAsync(cancellationToken);
        var width = children.Select(child => child.ClusterName.Length).DefaultIfEmpty().Max();
        foreach (var child in children)
        {
            var place = $"{child.ClusterName.PadRight(width)}  {child.Status,-9}  {Took(child),8}";
            terminal.Say($"{place}  job {child.Id}  {child.Error}".TrimEnd());
        }
    }

    private static IAsyncEnumerable<HeimdallJob> ReadAsync(
        HeimdallClient client, Guid parent, CancellationToken cancellationToken) => client.ListAsync(
        new HeimdallJobFilter { Parent = parent, Direction = "asc", PageSize = 200 }, cancellationToken);

    public static string Count(long clusters) =>
        string.Create(CultureInfo.InvariantCulture, $"{clusters} cluster{(clusters == 1 ? "" : "s")}");

    private static string? Took(HeimdallJob child) => child is { StartedAt: { } start, FinishedAt: { } end }
        ? string.Create(CultureInfo.InvariantCulture, $"{(end - start).TotalSeconds:0.00} s")
        : null;
}

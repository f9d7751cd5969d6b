using System.Globalization;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>The children of a job with <c>target: all</c>, one line a cluster.</summary>
internal static class ChildGrid
{
    public static Task PrintAsync(
        Terminal terminal, HeimdallClient client, Guid parent, CancellationToken cancellationToken) =>
        TextTables.PrintAsync(
            terminal,
            client.ListAsync(
                new HeimdallJobFilter { Parent = parent, Direction = "asc", PageSize = 200 }, cancellationToken),
            null,
            ("cluster", child => child.ClusterName), ("status", child => child.Status), ("took", Took),
            ("error", child => child.Error), ("job", child => child.Id.ToString()));

    public static string Count(long clusters) =>
        string.Create(CultureInfo.InvariantCulture, $"{clusters} cluster{(clusters == 1 ? "" : "s")}");

    private static string? Took(HeimdallJob child) => child is { StartedAt: { } start, FinishedAt: { } end }
        ? string.Create(CultureInfo.InvariantCulture, $"{(end - start).TotalSeconds:0.00} s")
        : null;
}

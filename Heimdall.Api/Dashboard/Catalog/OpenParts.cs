using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Core.Jobs.Figures;

namespace Heimdall.Api.Dashboard.Catalog;

/// <summary>How many jobs of a cluster or a command run, of how many at most, how many wait, and since when.</summary>
/// <param name="context">The request.</param>
/// <param name="kind"><c>cluster</c> or <c>command</c>, as in the filter of the list of jobs.</param>
/// <param name="id">Of the cluster or the command.</param>
/// <param name="name">Its name.</param>
/// <param name="max">Its limit of concurrency; null: none.</param>
/// <param name="figures">Its jobs that the caller may see.</param>
/// <param name="isPartial">Whether more may wait than were looked at.</param>
/// <param name="now">By the store's clock.</param>
internal sealed class OpenParts(
    DashboardContext context, string kind, string id, string name, int? max, OpenFigures figures, bool isPartial,
    DateTime now)
{
    /// <summary>The cells of a row; their heads are <see cref="Heads"/>.</summary>
    public Markup Cells => Markup.Of($"""<td>{Running}</td><td>{Waiting}</td><td class="hd-wide">{Oldest}</td>""");

    public static Markup Heads => Markup.Of($"""
        <th scope="col">Running</th><th scope="col">Waiting</th><th scope="col" class="hd-wide">Oldest waits</th>
        """);

    public Markup Facts => Markup.Of($"""
        {Pieces.Fact("Running", Running)}{Pieces.Fact("Waiting", Waiting)}{Pieces.Fact("Oldest waits", Oldest)}
        """);

    /// <summary>What a pause would come upon: of the jobs that the caller may see.</summary>
    public string OfPause
    {
        get
        {
            var (waiting, running) = (figures.Ready + figures.Later, figures.Running);
            var waits = waiting == 1 ? "1 job waits" : $"{Pieces.Number(waiting)} jobs wait";
            var counted = $"{waits} and {Pieces.Number(running)} {(running == 1 ? "runs" : "run")} now";
            var least = isPartial ? "At least " : "";
            return context.RightsOfCaller().Jobs.IsEverything
                ? $"{least}{counted}."
                : $"{least}{counted}, of those that you may see.";
        }
    }

    private Markup Oldest => Markup.Of($"{(figures.Oldest is { } oldest ? Pieces.Duration(now - oldest) : "")}");

    /// <summary>A limit counts everybody's jobs, and so it is beside the number of those who see all only.</summary>
    private Markup Running
    {
        get
        {
            var running = Link("RUNNING,CANCELING", "running", figures.Running + figures.Inline);
            var inline = figures.Inline > 0 && max is not null
                ? Markup.Of($"""
                    <div class="hd-aside">{Pieces.Number(figures.Inline)} inline, which the limit does not count</div>
                    """)
                : Markup.Empty;
            return max is not { } limit ? running
                : context.RightsOfCaller().Jobs.IsEverything
                    ? Markup.Of($"""{Link("RUNNING,CANCELING", "running", figures.Running)} of {limit}{inline}""")
                    : Markup.Of($"""{running}<div class="hd-aside">{limit} at most, of everybody</div>""");
        }
    }

    private Markup Waiting
    {
        get
        {
            var later = figures.Later > 0
                ? Markup.Of($"""<div class="hd-aside">{Pieces.Number(figures.Later)} for a time or a job</div>""")
                : Markup.Empty;
            var more = isPartial ? "+" : "";
            return Markup.Of($"""{Link("ACCEPTED", "queued", figures.Ready + figures.Later)}{more}{later}""");
        }
    }

    private Markup Link(string status, string state, long count)
    {
        var address = context.AddressOf("/sql/jobs") + new QueryString().Add(kind, id).Add("status", status);
        var number = Pieces.Number(count);
        return count == 0
            ? Markup.Of($"0")
            : Markup.Of($"""<a href="{address}" aria-label="{number} {state} on {name}">{number}</a>""");
    }
}

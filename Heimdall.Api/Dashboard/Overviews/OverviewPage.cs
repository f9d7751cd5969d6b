using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Catalog;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Dashboard.Schedules;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Queue;
using Heimdall.Core.Running;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Dashboard.Overviews;

/// <summary>How things stand: what is wrong, what waits, what runs, and how fast. Everything is of the caller's sight.</summary>
internal static class OverviewPage
{
    public const string Path = "/sql/overview";

    private const int RefreshSeconds = 5;
    private const int MostListed = 10;

    /// <summary>A page does not wait longer than this for what clusters say of locks.</summary>
    private static readonly TimeSpan LockWait = TimeSpan.FromMilliseconds(50);

    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        var overview = await context.Service<JobOverviews>().ReadAsync(context.RightsOfCaller().Jobs, context.Aborted());
        var blocked = await context.Service<BlockedJobs>().FindAsync(overview.Running, LockWait, context.Aborted());
        var troubles = Markup.Join([.. await TroublesAsync(context, overview)]);
        var isCalm = troubles.IsEmpty ? Markup.Of($"""<p class="hd-calm">Nothing needs attention.</p>""") : Markup.Empty;
        return new PageContent("Overview", Markup.Of($"""
            <h1 class="page-header">Overview</h1>
            {Pieces.Part("hd-counts", StatusTiles.Draw(context, overview))}
            {Pieces.Part("hd-troubles", Markup.Of($"<h2>Attention</h2>{isCalm}{troubles}"))}
            <div class="hd-columns">
            {Pieces.Part("hd-pace", FigureParts.DrawMinutes(overview))}
            {Pieces.Part("hd-times", FigureParts.DrawTimes(overview))}
            {Pieces.Part("hd-depth", FigureParts.DrawDepth(context, overview))}
            {Pieces.Part("hd-blocked", RunningParts.DrawBlocked(context, overview, blocked))}
            </div>
            {Pieces.Part("hd-failures", FigureParts.DrawFailures(context, overview))}
            {Pieces.Part("hd-longest", RunningParts.DrawLongest(context, overview))}
            {Pieces.Part("hd-workers", await RunningParts.DrawWorkersAsync(context, overview))}
            """)) { RefreshSeconds = RefreshSeconds };
    }

    private static async Task<List<Markup>> TroublesAsync(DashboardContext context, JobOverview overview)
    {
        var rights = context.RightsOfCaller();
        var live = context.Service<LiveCatalog>();
        var board = context.Service<ClusterHealthBoard>();
        var troubles = new List<Markup>();
        foreach (var cluster in live.Current.Clusters.Where(rights.Sees))
        {
            if (cluster.Status == CatalogStatus.Active && board.Last(cluster.Id) is { Healthy: false } health)
            {
                troubles.Add(Trouble(
                    "DOWN", Link(context, CatalogPieces.ClusterPath(cluster.Id), $"cluster {cluster.Name}"),
                    Markup.Of($"{health.Error}")));
            }
        }
        foreach (var pause in await context.Service<Pauses>().ListAsync(context.Aborted()))
        {
            if (context.GetHttpContext().Sees(live, pause.Target))
            {
                var until = pause.Until is { } end ? Markup.Of($", until {Pieces.Time(end)}") : Markup.Empty;
                troubles.Add(Trouble(
                    "PAUSED", Link(context, PageOf(pause.Target), pause.Target.ToString()),
                    Markup.Of($"by {pause.By} since {Pieces.Time(pause.At)}{until} {pause.Reason}")));
            }
        }
        if (overview.Unapproved is > 0 and var count)
        {
            var many = count >= JobFigures.MostUnapproved ? "+" : "";
            var jobs = $"{Pieces.Number(count)}{many} {(count == 1 ? "job" : "jobs")}";
            troubles.Add(Trouble(
                "TO APPROVE",
                Link(context, $"/sql/jobs?status={JobStatus.WaitingForApproval.ToName()}", jobs),
                Markup.Of($"{(count == 1 ? "waits" : "wait")} for approval by an operator")));
        }
        if (rights.Has(Right.SeeSchedules))
        {
            troubles.AddRange(await SchedulesAsync(context));
        }
        return troubles;
    }

    private static async Task<IEnumerable<Markup>> SchedulesAsync(DashboardContext context)
    {
        var rights = context.RightsOfCaller();
        var wrong = (await context.Service<ScheduleTroubles>().FindAsync(context.Aborted()))
            .Where(trouble => rights.Over(Right.SeeSchedules, trouble.Schedule)).ToList();
        var more = wrong.Count > MostListed
            ? Trouble("MORE", Link(context, "/sql/schedules", $"{wrong.Count - MostListed} further schedules"), Markup.Empty)
            : Markup.Empty;
        return wrong.Take(MostListed).Select(trouble => Trouble(
            trouble.Kind.ToString().ToUpperInvariant(),
            Markup.Of($"""<a href="{SchedulePieces.AddressOf(context, trouble.Schedule.Id)}">schedule {trouble.Schedule.Definition.Name}</a>"""),
            Markup.Of($"{(trouble.Kind == ScheduleTroubleKind.Late ? "due " : "")}{Pieces.Time(trouble.At)} {trouble.Said}")))
            .Append(more);
    }

    private static string PageOf(PauseTarget target) =>
        target == PauseTarget.Cluster(target.Id) ? CatalogPieces.ClusterPath(target.Id)
        : target == PauseTarget.Command(target.Id) ? CatalogPieces.CommandPath(target.Id)
        : "/sql/clusters";

    private static Markup Link(DashboardContext context, string path, string text) =>
        Markup.Of($"""<a href="{context.AddressOf(path)}">{text}</a>""");

    private static Markup Trouble(string state, Markup what, Markup said) => Markup.Of(
        $"""<div class="hd-trouble">{Pieces.State(state)} <strong>{what}</strong> <span class="hd-said">{said}</span></div>""");
}

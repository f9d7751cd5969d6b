using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Dashboard.Schedules;
using Heimdall.Api.Rights;
using Heimdall.Api.Schedules;
using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
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
        var troubles = Markup.Join([.. await TroublesAsync(context, overview.At)]);
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

    private static async Task<List<Markup>> TroublesAsync(DashboardContext context, DateTime now)
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
                    "DOWN", Link(context, "/sql/clusters", $"cluster {cluster.Name}"), Markup.Of($"{health.Error}")));
            }
        }
        foreach (var pause in await context.Service<Pauses>().ListAsync(context.Aborted()))
        {
            if (context.GetHttpContext().Sees(live, pause.Target))
            {
                var until = pause.Until is { } end ? Markup.Of($", until {Pieces.Time(end)}") : Markup.Empty;
                troubles.Add(Trouble(
                    "PAUSED", Link(context, "/sql/clusters", pause.Target.ToString()),
                    Markup.Of($"by {pause.By} since {Pieces.Time(pause.At)}{until} {pause.Reason}")));
            }
        }
        if (rights.Has(Right.SeeSchedules))
        {
            troubles.AddRange(await SchedulesAsync(context, now));
        }
        return troubles;
    }

    private static async Task<IEnumerable<Markup>> SchedulesAsync(DashboardContext context, DateTime now)
    {
        var schedules = await context.Service<ScheduleAccess>().ListAsync(context.GetHttpContext(), context.Aborted());
        if (schedules.Count == 0)
        {
            return [];
        }
        var last = await context.Service<ScheduleRunStore>().LastAsync(context.Aborted());
        var wrong = schedules.Select(schedule => (Schedule: schedule, Fault: FaultOf(schedule, last.GetValueOrDefault(schedule.Id), now)))
            .Where(one => one.Fault is not null).ToList();
        var more = wrong.Count > MostListed
            ? Trouble("MORE", Link(context, "/sql/schedules", $"{wrong.Count - MostListed} further schedules"), Markup.Empty)
            : Markup.Empty;
        return wrong.Take(MostListed).Select(one => Trouble(
            one.Fault!.Value.State,
            Markup.Of($"""<a href="{SchedulePieces.AddressOf(context, one.Schedule.Id)}">schedule {one.Schedule.Definition.Name}</a>"""),
            one.Fault.Value.Said)).Append(more);
    }

    private static (string State, Markup Said)? FaultOf(Schedule schedule, ScheduleRun? last, DateTime now)
    {
        if (schedule is { Pause: null, NextAt: { } next } && next < now - TimeSpan.FromMinutes(1))
        {
            return ("LATE", Markup.Of($"due {Pieces.Time(next)}"));
        }
        return last switch
        {
            { Outcome: RunOutcome.Refused } => ("UNROUTABLE", Markup.Of($"{Pieces.Time(last.PlannedAt)} {last.Reason}")),
            { Job.Status: JobStatus.Failed or JobStatus.Killed } =>
                ("FAILING", Markup.Of($"{Pieces.Time(last.PlannedAt)} {last.Job.Error}")),
            _ => null,
        };
    }

    private static Markup Link(DashboardContext context, string path, string text) =>
        Markup.Of($"""<a href="{context.AddressOf(path)}">{text}</a>""");

    private static Markup Trouble(string state, Markup what, Markup said) => Markup.Of(
        $"""<div class="hd-trouble">{Pieces.State(state)} <strong>{what}</strong> <span class="hd-said">{said}</span></div>""");
}

using Hangfire.Dashboard;
using Heimdall.Api.Callers;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Queue;

namespace Heimdall.Api.Dashboard.Clusters;

/// <summary>What is paused, with buttons to resume it, and a form to pause a cluster, a command or all jobs.</summary>
internal static class PausePanel
{
    private const int LongestReason = 2000;

    private static readonly (string Label, TimeSpan? Time)[] _times =
    [
        ("until resumed", null), ("for 15 minutes", TimeSpan.FromMinutes(15)), ("for 1 hour", TimeSpan.FromHours(1)),
        ("for 8 hours", TimeSpan.FromHours(8)), ("for 1 day", TimeSpan.FromDays(1)),
        ("for 7 days", TimeSpan.FromDays(7)),
    ];

    public static Markup Draw(DashboardContext context, CatalogSnapshot catalog, IReadOnlyList<QueuePause> pauses)
    {
        var list = pauses.Select(pause => DrawPause(context, pause));
        var paused = pauses.Count == 0
            ? Markup.Of($"<p>Nothing is paused.</p>")
            : Markup.Of($"""<ul class="hd-pauses">{list}</ul>""");
        PauseTarget[] targets = [.. TargetsIn(catalog).Where(target => MayPause(context, target))];
        var form = targets.Length == 0 ? Markup.Empty : DrawForm(context, targets);
        return Markup.Of($"<h2>Pauses</h2>{paused}{form}");
    }

    /// <summary>Takes the form.</summary>
    public static async Task PauseAsync(DashboardContext context)
    {
        var target = Find(context, await FieldAsync(context, "target"));
        var time = await FieldAsync(context, "time");
        var reason = await FieldAsync(context, "reason");
        if (target is null || Array.FindIndex(_times, one => one.Label == time) is not (>= 0 and var place))
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }
        if (!MayPause(context, target.Value))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }
        var now = context.Service<StoreClock>().GetUtcNow().UtcDateTime;
        await context.Service<Pauses>().PauseAsync(
            target.Value, reason.Length > LongestReason ? reason[..LongestReason] : reason, now + _times[place].Time,
            context.GetHttpContext().CallerName(), context.Aborted());
        context.GoTo("/sql/clusters");
    }

    /// <summary>Takes the button of a pause.</summary>
    public static async Task ResumeAsync(DashboardContext context)
    {
        var target = await FieldAsync(context, "target");
        foreach (var pause in await context.Service<Pauses>().ListAsync(context.Aborted()))
        {
            if (Write(pause.Target) == target && !MayPause(context, pause.Target))
            {
                context.Response.StatusCode = StatusCodes.Status403Forbidden;
                return;
            }
            if (Write(pause.Target) == target)
            {
                await context.Service<Pauses>().ResumeAsync(pause.Target, context.Aborted());
            }
        }
        context.GoTo("/sql/clusters");
    }

    private static Markup DrawPause(DashboardContext context, QueuePause pause)
    {
        var until = pause.Until is { } time ? Markup.Of($", until {Pieces.Time(time)}") : Markup.Empty;
        var button = MayPause(context, pause.Target)
            ? context.Button(
                "/sql/pauses/end", $"Resume {pause.Target}", "btn-default", ("target", Write(pause.Target)))
            : Markup.Empty;
        return Markup.Of($"""
            <li>{Pieces.State("PAUSED")} {pause.Target.ToString()}
            <span class="hd-aside">by {pause.By}, {Pieces.Time(pause.At)}{until}</span> {pause.Reason} {button}</li>
            """);
    }

    private static bool MayPause(DashboardContext context, PauseTarget target) =>
        context.GetHttpContext().Controls(context.Service<LiveCatalog>(), target);

    private static Markup DrawForm(DashboardContext context, PauseTarget[] mine)
    {
        var targets = mine
            .Select(target => Markup.Of($"""<option value="{Write(target)}">{target.ToString()}</option>"""));
        var times = _times.Select(time => Markup.Of($"<option>{time.Label}</option>"));
        return Markup.Of($"""
            <div class="hd-actions">{context.Form("/sql/pauses/add", Markup.Of($"""
            <select name="target" class="form-control" aria-label="What to pause">{targets}</select>
            <select name="time" class="form-control" aria-label="How long">{times}</select>
            <input name="reason" class="form-control" maxlength="{LongestReason}" autocomplete="off"
                placeholder="Reason" aria-label="Reason">
            <button type="submit" class="btn btn-default">Pause</button>
            """))}</div>
            <p class="hd-aside">While something is paused its jobs are accepted and wait. What runs keeps running.</p>
            """);
    }

    private static IEnumerable<PauseTarget> TargetsIn(CatalogSnapshot catalog) =>
    [
        PauseTarget.Queue,
        .. catalog.Clusters.Select(cluster => PauseTarget.Cluster(cluster.Id)),
        .. catalog.Commands.Select(command => PauseTarget.Command(command.Id)),
    ];

    private static PauseTarget? Find(DashboardContext context, string target) =>
        TargetsIn(context.Service<LiveCatalog>().Current).Cast<PauseTarget?>()
            .FirstOrDefault(one => Write(one!.Value) == target);

    private static string Write(PauseTarget target) => $"{target.Scope}/{target.Id}";

    private static async Task<string> FieldAsync(DashboardContext context, string name) =>
        await context.Request.GetFormValuesAsync(name) is [{ } text, ..] ? text.Replace('\0', ' ').Trim() : "";
}

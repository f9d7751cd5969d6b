using System.Globalization;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Api.Schedules;
using Heimdall.Core.Cron;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Dashboard.Schedules;

/// <summary>One schedule: what it says, when it will run, what became of its last runs, and its buttons.</summary>
internal static class ScheduleDetailPage
{
    private const int Coming = 5;
    private const int MostRuns = 20;

    public static Task<PageContent> ReadAsync(DashboardContext context) => ReadAsync(context, notice: null, StatusCodes.Status200OK);

    /// <param name="context">The request, whose address names the schedule.</param>
    /// <param name="notice">What became of a button's wish, when it cannot be seen from the schedule.</param>
    /// <param name="status">The reply's, if the schedule is there.</param>
    public static async Task<PageContent> ReadAsync(DashboardContext context, string? notice, int status)
    {
        var id = IdIn(context);
        var access = context.Service<ScheduleAccess>();
        if (await access.FindAsync(context.GetHttpContext(), id, context.Aborted()) is not { } schedule)
        {
            return new PageContent("No such schedule", Markup.Of($"""<h1 class="page-header">No such schedule</h1><p>There is no schedule <code>{id}</code>.</p>"""))
            {
                Status = StatusCodes.Status404NotFound,
            };
        }
        var runs = await context.Service<ScheduleRunStore>().ListAsync(id, [], after: null, MostRuns, context.Aborted());
        var definition = schedule.Definition;
        return new PageContent(definition.Name, Markup.Of($"""
            <p class="hd-back"><a href="{context.AddressOf("/sql/schedules")}">Schedules</a></p>
            <h1 class="page-header">{definition.Name}</h1>
            {(notice is null ? Markup.Empty : Pieces.Alert("warning", Markup.Of($"{notice}")))}
            {(definition.Description.Length > 0 ? Markup.Of($"<p>{definition.Description}</p>") : Markup.Empty)}
            {DrawActions(context, schedule)}
            <h2>Schedule</h2><dl class="hd-facts">
            {Pieces.Fact("Id", Markup.Of($"<code>{id}</code>"))}
            {Pieces.Fact("Next run", SchedulePieces.Next(schedule))}
            {Pieces.Fact("Cron", Markup.Of($"<code>{definition.Cron}</code>"))}
            {(definition.Day == DayRule.Or ? Pieces.Fact("Day of month and weekday", "one of them must match") : Markup.Empty)}
            {Pieces.Fact("Time zone", definition.Timezone)}
            {Pieces.Fact("Missed runs", definition.Misfire.ToName())}
            {Pieces.Fact("Overlap", definition.Overlap.ToName())}
            {Pieces.Fact("Starts", Pieces.Time(definition.StartsAt))}
            {Pieces.Fact("Ends", Pieces.Time(definition.EndsAt))}
            {Pieces.Fact("Runs as", definition.User)}
            {Pieces.Fact("Comes from", schedule.IsFromFile ? "the configuration file" : "the API")}
            </dl>
            {DrawComing(schedule)}
            <h2>Last runs</h2>{DrawRuns(context, schedule, runs.Runs)}
            """)) { Status = status };
    }

    /// <summary>The schedule's id in the address.</summary>
    public static string IdIn(DashboardContext context) => context.UriMatch.Groups["schedule"].Value;

    private static Markup DrawActions(DashboardContext context, Schedule schedule)
    {
        if (!context.RightsOfCaller().Over(Right.ChangeSchedules, schedule))
        {
            return Markup.Empty;
        }
        var path = $"/sql/schedules/{Uri.EscapeDataString(schedule.Id)}";
        var pause = schedule.Pause is null
            ? context.Form($"{path}/pause", Markup.Of($"""
                <label for="hd-reason">Reason for pausing</label> <input id="hd-reason" name="reason" class="form-control" maxlength="{ScheduleActions.LongestReason}" autocomplete="off">
                <button type="submit" class="btn btn-default">Pause</button>
                """))
            : context.Button($"{path}/resume", "Resume", "btn-default");
        return Markup.Of($"""<div class="hd-actions">{context.Button($"{path}/trigger", "Run now", "btn-primary")}{pause}</div>""");
    }

    private static Markup DrawComing(Schedule schedule)
    {
        var times = schedule.ComingLocally().Take(Coming)
            .Select(time => Markup.Of($"<li>{time.ToString("ddd yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture)}</li>")).ToList();
        return times.Count == 0 ? Markup.Empty : Markup.Of($"<h2>Next runs</h2><ul>{times}</ul>");
    }

    private static Markup DrawRuns(DashboardContext context, Schedule schedule, IReadOnlyList<ScheduleRun> runs)
    {
        if (runs.Count == 0)
        {
            return Markup.Of($"<p>None yet.</p>");
        }
        var all = context.AddressOf("/sql/jobs") + new QueryString().Add("schedule", schedule.Id);
        var items = runs.Select(run => Markup.Of($"<li>{SchedulePieces.Run(context, run)}{(run.TriggeredBy is { } user ? $" asked for by {user}" : "")}</li>"));
        return Markup.Of($"""<ul class="hd-runs">{items}</ul><p><a href="{all}">All jobs of this schedule</a></p>""");
    }
}

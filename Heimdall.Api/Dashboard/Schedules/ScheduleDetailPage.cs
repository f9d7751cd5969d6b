using System.Globalization;
using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Details;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Api.Schedules;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Cron;
using Heimdall.Core.Database;
using Heimdall.Core.Schedules;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Dashboard.Schedules;

/// <summary>One schedule: what it runs and when, what became of its last runs, and its buttons.</summary>
internal static class ScheduleDetailPage
{
    private const int RefreshSeconds = 5;
    private const int Coming = 5;

    private const string Older = "older";

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
            return Unknown(id);
        }
        var after = RunCursorText.Read(context.GetHttpContext().Request.Query[Older].ToString());
        var runs = await context.Service<ScheduleRunStore>().ListAsync(id, [], after, RunStrip.Runs, context.Aborted());
        var now = context.Service<StoreClock>().GetUtcNow().UtcDateTime;
        var definition = schedule.Definition;
        var sql = await context.Service<SqlPart>()
            .DrawPlannedAsync(context.GetHttpContext(), definition.Context, context.Aborted());
        return new PageContent(definition.Name, Markup.Of($"""
            <p class="hd-back"><a href="{context.AddressOf("/sql/schedules")}">Schedules</a></p>
            <h1 class="page-header">{definition.Name}</h1>
            {(notice is null ? Markup.Empty : Pieces.Alert("warning", Markup.Of($"{notice}")))}
            {(definition.Description.Length > 0 ? Markup.Of($"<p>{definition.Description}</p>") : Markup.Empty)}
            {DrawTroubles(context, schedule)}{DrawActions(context, schedule)}
            {Pieces.Part("hd-facts", DrawFacts(schedule))}
            <div class="hd-work"><div>
            <section>{sql}</section>
            <section>{SqlPart.DrawContext(definition.Context)}</section>
            {Pieces.Part("hd-coming", DrawComing(schedule))}
            </div>
            <div>{Pieces.Part("hd-last-runs", DrawRuns(context, schedule, runs, after is not null, now))}</div></div>
            """))
        {
            Status = status,
            RefreshSeconds = status == StatusCodes.Status200OK ? RefreshSeconds : null,
        };
    }

    public static PageContent Unknown(string id) => new("No such schedule", Markup.Of($"""
        <h1 class="page-header">No such schedule</h1><p>There is no schedule <code>{id}</code>.</p>
        """))
    {
        Status = StatusCodes.Status404NotFound,
    };

    /// <summary>The schedule's id in the address.</summary>
    public static string IdIn(DashboardContext context) => context.UriMatch.Groups["schedule"].Value;

    private static Markup DrawFacts(Schedule schedule)
    {
        var said = schedule.Definition;
        return Markup.Of($"""
            <h2>Schedule</h2><dl class="hd-facts">
            {Pieces.Fact("Next run", SchedulePieces.Next(schedule))}
            {Pieces.Fact("Cron", Markup.Of($"<code>{said.Cron}</code>"))}
            {Pieces.Fact("Day of month and weekday", said.Day == DayRule.Or ? "one of them must match" : null)}
            {Pieces.Fact("Time zone", said.Timezone)}
            {Pieces.Fact("Missed runs", said.Misfire.ToName())}
            {Pieces.Fact("Latest start", said.MaxLateness is { } late ? $"{Duration.Write(late)} late" : null)}
            {Pieces.Fact("Overlap", said.Overlap.ToName())}
            {Pieces.Fact("Starts", Pieces.Time(said.StartsAt))}
            {Pieces.Fact("Ends", Pieces.Time(said.EndsAt))}
            {Pieces.Fact("Tags of its command", Pieces.Tags(said.CommandCriteria))}
            {Pieces.Fact("Tags of its cluster", Pieces.Tags(said.ClusterCriteria))}
            {Pieces.Fact("Runs on", SchedulePieces.Targets(said))}
            {Pieces.Fact("Notifies", SchedulePieces.Hooks(said))}
            {Pieces.Fact("Tags of its jobs", Pieces.Tags(said.Tags))}
            {Pieces.Fact("Runs as", said.User)}
            {Pieces.Fact("Version", said.Version)}
            {Pieces.Fact("Id", Markup.Of($"<code>{schedule.Id}</code>"))}
            {Pieces.Fact("Comes from", schedule.IsFromFile ? "the configuration file" : "the API")}
            {Pieces.Fact("Last edited by", schedule.EditedBy)}
            {Pieces.Fact("Last changed", Pieces.Time(schedule.UpdatedAt))}
            </dl>
            """);
    }

    /// <summary>Why it will not run as it stands.</summary>
    private static Markup DrawTroubles(DashboardContext context, Schedule schedule)
    {
        var times = schedule.Definition.FindTimesProblem() is { } problem
            ? Pieces.Alert("warning", Markup.Of($"Its next runs are not known. {problem}"))
            : Markup.Empty;
        var submission = schedule.ToSubmission(startBefore: null, triggeredBy: null);
        var routing = context.Service<JobResolver>().FindRefusalOfRun(submission) is { } reason
            ? Pieces.Alert("warning", Markup.Of($"A run would be refused. {reason}"))
            : Markup.Empty;
        return Markup.Of($"{times}{routing}");
    }

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
        var run = Pieces.Ask(
            "Run now …", "btn-primary",
            Markup.Of($"Its job{(schedule.Definition.FanOut is null ? "" : " on all clusters that match")} is submitted now, beside those that the clock submits."),
            context.Button($"{path}/trigger", "Run now", "btn-primary"));
        return Markup.Of($"""
            <div class="hd-actions">{run}<a class="btn" href="{context.AddressOf($"{path}/edit")}">Edit</a>{pause}</div>
            """);
    }

    private static Markup DrawComing(Schedule schedule)
    {
        var times = schedule.ComingLocally().Take(Coming)
            .Select(time => Markup.Of($"<li>{time.ToString("ddd yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture)}</li>")).ToList();
        return times.Count == 0 ? Markup.Empty : Markup.Of($"<h2>Next runs</h2><ul>{times}</ul>");
    }

    private static Markup DrawRuns(
        DashboardContext context, Schedule schedule, RunPage page, bool isOlder, DateTime now)
    {
        var heading = Markup.Of($"<h2>{(isOlder ? "Older runs" : "Last runs")}</h2>");
        if (page.Runs.Count == 0)
        {
            return Markup.Of($"{heading}<p>None yet.</p>");
        }
        var path = SchedulePieces.AddressOf(context, schedule.Id);
        var newest = isOlder ? Markup.Of($"""<li><a class="btn" href="{path}">Newest</a></li>""") : Markup.Empty;
        var further = page.Next is { } next ? $"{path}?{Older}={RunCursorText.Write(next)}" : null;
        var older = further is null
            ? Markup.Empty
            : Markup.Of($"""<li><a class="btn" rel="next" href="{further}">Older</a></li>""");
        var all = context.AddressOf("/sql/jobs") + new QueryString().Add("schedule", schedule.Id);
        var items = page.Runs.Select(run =>
        {
            var asked = run.TriggeredBy is { } user ? $" asked for by {user}" : "";
            return Markup.Of($"<li>{SchedulePieces.Run(context, run, now)}{asked}</li>");
        });
        var strip = RunStrip.Draw(page.Runs, now, job => context.AddressOf($"/sql/jobs/{job}"));
        return Markup.Of($"""
            {heading}<div class="hd-strip-box">{strip}</div>
            <p class="hd-aside">The longest has the whole height.</p><ul class="hd-runs">{items}</ul>
            <ul class="hd-pages">{newest}{older}<li><a class="btn" href="{all}">All its jobs</a></li></ul>
            """);
    }
}

using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Schedules;
using Heimdall.Core.Database;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Dashboard.Schedules;

/// <summary>The schedules: when each runs next, and how its last runs went.</summary>
internal static class ScheduleListPage
{
    private const string Path = "/sql/schedules";
    private const int RefreshSeconds = 10;
    private const int PageSize = 50;

    private const string Words = "words";
    private const string After = "after";

    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        var query = context.GetHttpContext().Request.Query;
        var (words, after) = (query[Words].ToString().Trim(), query[After].ToString());
        var all = await context.Service<ScheduleAccess>().ListAsync(context.GetHttpContext(), context.Aborted());
        var found = all.Where(schedule => Matches(schedule, words)).ToList();
        var rest = found.Where(schedule => string.CompareOrdinal(schedule.Id, after) > 0)
            .OrderBy(schedule => schedule.Id, StringComparer.Ordinal).ToList();
        List<Schedule> shown = [.. rest.Take(PageSize)];
        var runs = await context.Service<ScheduleRunStore>()
            .RecentAsync([.. shown.Select(schedule => schedule.Id)], RunStrip.Runs, context.Aborted());
        var now = context.Service<StoreClock>().GetUtcNow().UtcDateTime;
        var rows = shown.Select(schedule => DrawRow(context, schedule, [.. runs[schedule.Id]], now));
        var none = all.Count == 0
            ? "There is none. They are made in the console, in the configuration file, or over REST."
            : "No schedule matches.";
        var table = found.Count == 0
            ? Markup.Of($"<p>{none}</p>")
            : Markup.Of($"""
                <table class="table hd-schedules"><thead><tr>
                <th scope="col">Schedule</th><th scope="col" class="hd-wide">When</th><th scope="col">Next run</th>
                <th scope="col">Last {RunStrip.Runs} runs</th><th scope="col" class="hd-wide">Last run</th>
                </tr></thead><tbody>{rows}</tbody></table>
                """);
        return new PageContent("Schedules", Markup.Of($"""
            <h1 class="page-header">Schedules</h1>{(all.Count > PageSize ? DrawFilter(context, query) : Markup.Empty)}
            {Pieces.Part("hd-list", table)}{DrawWayOn(context, words, after, rest)}
            """)) { RefreshSeconds = RefreshSeconds };
    }

    private static bool Matches(Schedule schedule, string words) => words.Length == 0
        || schedule.Id.Contains(words, StringComparison.OrdinalIgnoreCase)
        || schedule.Definition.Name.Contains(words, StringComparison.OrdinalIgnoreCase);

    private static Markup DrawFilter(DashboardContext context, IQueryCollection query) => Markup.Of($"""
        <form method="get" action="{context.AddressOf(Path)}" class="hd-filter" role="search" aria-label="Find">
        {FilterFields.Text(query, Words, "In the name or id")}
        <div class="hd-filter-buttons"><button type="submit" class="btn btn-primary">Find</button>
        <a class="btn" href="{context.AddressOf(Path)}">Clear</a></div></form>
        """);

    private static Markup DrawWayOn(DashboardContext context, string words, string after, List<Schedule> rest)
    {
        var path = context.AddressOf(Path);
        var first = after.Length > 0
            ? Markup.Of($"""<li><a class="btn" href="{path + new QueryString().Add(Words, words)}">First</a></li>""")
            : Markup.Empty;
        var further = rest.Count > PageSize
            ? new QueryString().Add(Words, words).Add(After, rest[PageSize - 1].Id)
            : QueryString.Empty;
        var next = further.HasValue
            ? Markup.Of($"""<li><a class="btn" rel="next" href="{path + further}">Next</a></li>""")
            : Markup.Empty;
        return first.IsEmpty && next.IsEmpty
            ? Markup.Empty
            : Markup.Of($"""<nav aria-label="Pages"><ul class="hd-pages">{first}{next}</ul></nav>""");
    }

    private static Markup DrawRow(
        DashboardContext context, Schedule schedule, IReadOnlyList<ScheduleRun> runs, DateTime now)
    {
        var when = $"{schedule.Definition.Cron} ({schedule.Definition.Timezone})";
        var last = runs.Count == 0 ? Markup.Of($"none yet") : SchedulePieces.Run(context, runs[0], now);
        return Markup.Of($"""
            <tr><th scope="row"><a href="{SchedulePieces.AddressOf(context, schedule.Id)}">{schedule.Definition.Name}</a>
            <div class="hd-narrow">{when}</div><div class="hd-narrow">Last: {last}</div></th>
            <td class="hd-wide">{when}</td><td>{SchedulePieces.Next(schedule)}</td>
            <td>{RunStrip.Draw(runs, now)}</td><td class="hd-wide">{last}</td></tr>
            """);
    }
}

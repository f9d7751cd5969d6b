using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Jobs;
using Heimdall.Api.Rights;
using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;

namespace Heimdall.Api.Dashboard.Listing;

/// <summary>The jobs, newest first, filtered nearly as <c>GET /api/v1/jobs</c> filters them, page by page.</summary>
internal static class JobListPage
{
    private const int RefreshSeconds = 5;
    private const int MostCompared = 200;

    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        var list = ListFilter.Read(context.GetHttpContext().Request.Query, context.RightsOfCaller().Jobs);
        var (query, filter, problems, byDuration) = list;
        var form = FilterForm.Draw(context, query, context.Service<LiveCatalog>().Current);
        if (problems.Count > 0)
        {
            var wrong = problems.Select(problem => Markup.Of($"<li>{problem.Path}: {problem.Message}</li>"));
            return Page(Markup.Of($"{form}{Pieces.Alert("warning", Markup.Of($"<ul>{wrong}</ul>"))}")) with { Status = StatusCodes.Status400BadRequest };
        }
        var now = context.Service<StoreClock>().GetUtcNow().UtcDateTime;
        if (filter.Text is not null)
        {
            var found = await context.Service<JobSearch>().FindAsync(filter, context.Aborted());
            var told = await TellAsync(found.Jobs);
            return Page(Markup.Of($"{form}{JobTable.Draw(context, told, now)}{DrawBound(found)}{DrawWayOn(context, list, found.Next, "Search on")}"));
        }
        var counts = await context.Service<JobFigures>().CountMatchesAsync(filter, context.Aborted());
        var page = await context.Service<JobStore>().ListAsync(
            byDuration ? filter with { Limit = MostCompared } : filter, context.Aborted());
        page = page with { Jobs = await TellAsync(page.Jobs) };
        var jobs = byDuration
            ? Markup.Of($"""
                <p class="hd-aside">The longest of the newest {page.Jobs.Count} that match.</p>
                {JobTable.Draw(context, [.. page.Jobs.OrderByDescending(job => TimeOf(job, now)).Take(filter.Limit)], now)}
                """)
            : Markup.Of($"{JobTable.Draw(context, page.Jobs, now)}{DrawWayOn(context, list, page.Next, "Older")}");
        return Page(Markup.Of($"""
            {form}{Pieces.Part("hd-statuses", StatusChips.Draw(context, list, counts))}{BulkPage.DrawLinks(context, list)}
            {Pieces.Part("hd-list", jobs)}
            """)) with { RefreshSeconds = RefreshSeconds };

        Task<IReadOnlyList<Job>> TellAsync(IReadOnlyList<Job> jobs) =>
            context.RightsOfCaller().TellAsync(context.Service<FanOuts>(), jobs, context.Aborted());
    }

    private static TimeSpan TimeOf(Job job, DateTime now) =>
        job.StartedAt is { } start ? (job.FinishedAt ?? now) - start : TimeSpan.MinValue;

    /// <summary>A search does not see the whole history at once, and says how far it has seen.</summary>
    private static Markup DrawBound(JobSearchPage found) => found.Next is { } next
        ? Markup.Of($"""<p class="hd-aside">{Pieces.Number(found.LookedAt)} jobs were looked at, back to {Pieces.Time(next.At)}.</p>""")
        : Markup.Of($"""<p class="hd-aside">All further jobs were looked at: {Pieces.Number(found.LookedAt)}.</p>""");

    private static PageContent Page(Markup body) => new("SQL jobs", Markup.Of($"""<h1 class="page-header">SQL jobs</h1>{body}"""));

    private static Markup DrawWayOn(DashboardContext context, ListFilter list, JobCursor? next, string label)
    {
        var path = context.AddressOf("/sql/jobs");
        var newest = list.Query.ContainsKey("cursor") ? Markup.Of($"""<li><a class="btn btn-default" href="{list.AddressOf(path)}">Newest</a></li>""") : Markup.Empty;
        var older = next is not null
            ? Markup.Of($"""<li><a class="btn btn-default" rel="next" href="{list.AddressOf(path, ("cursor", JobCursorText.Write(next)))}">{label}</a></li>""")
            : Markup.Empty;
        return Markup.Of($"""<nav aria-label="Pages"><ul class="hd-pages">{newest}{older}</ul></nav>""");
    }
}

using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Jobs;
using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Microsoft.Extensions.Primitives;

namespace Heimdall.Api.Dashboard.Listing;

/// <summary>The jobs, newest first, filtered as <c>GET /api/v1/jobs</c> filters them, page by page.</summary>
internal static class JobListPage
{
    public static async Task<PageContent> ReadAsync(DashboardContext context)
    {
        var query = Filled(context.GetHttpContext().Request.Query);
        var (filter, problems) = JobFilterReader.Read(query);
        filter = filter with { Sight = context.RightsOfCaller().Jobs };
        var form = FilterForm.Draw(context, query, context.Service<LiveCatalog>().Current);
        if (problems.Count > 0)
        {
            var list = problems.Select(problem => Markup.Of($"<li>{problem.Path}: {problem.Message}</li>"));
            return Page(Markup.Of($"{form}{Pieces.Alert("warning", Markup.Of($"<ul>{list}</ul>"))}")) with { Status = StatusCodes.Status400BadRequest };
        }
        var now = context.Service<StoreClock>().GetUtcNow().UtcDateTime;
        if (filter.Text is not null)
        {
            var found = await context.Service<JobSearch>().FindAsync(filter, context.Aborted());
            return Page(Markup.Of($"{form}{JobTable.Draw(context, found.Jobs, now)}{DrawBound(found)}{DrawWayOn(context, query, found.Next, "Search on")}"));
        }
        var page = await context.Service<JobStore>().ListAsync(filter, context.Aborted());
        return Page(Markup.Of($"{form}{JobTable.Draw(context, page.Jobs, now)}{DrawWayOn(context, query, page.Next, "Older")}"));
    }

    /// <summary>A search does not see the whole history at once, and says how far it has seen.</summary>
    private static Markup DrawBound(JobSearchPage found) => found.Next is { } next
        ? Markup.Of($"""<p class="hd-aside">{Pieces.Number(found.LookedAt)} jobs were looked at, back to {Pieces.Time(next.At)}.</p>""")
        : Markup.Of($"""<p class="hd-aside">All further jobs were looked at: {Pieces.Number(found.LookedAt)}.</p>""");

    private static PageContent Page(Markup body) => new("SQL jobs", Markup.Of($"""<h1 class="page-header">SQL jobs</h1>{body}"""));

    private static Markup DrawWayOn(DashboardContext context, QueryCollection query, JobCursor? next, string label)
    {
        var newest = query.ContainsKey("cursor") ? Markup.Of($"""<li><a class="btn btn-default" href="{Address(context, query, cursor: null)}">Newest</a></li>""") : Markup.Empty;
        var older = next is not null
            ? Markup.Of($"""<li><a class="btn btn-default" rel="next" href="{Address(context, query, JobCursorText.Write(next))}">{label}</a></li>""")
            : Markup.Empty;
        return Markup.Of($"""<nav aria-label="Pages"><ul class="hd-pages">{newest}{older}</ul></nav>""");
    }

    private static string Address(DashboardContext context, QueryCollection query, string? cursor)
    {
        var kept = query.Where(field => field.Key != "cursor").SelectMany(field => field.Value, (field, value) => KeyValuePair.Create(field.Key, value));
        return context.AddressOf("/sql/jobs") + QueryString.Create(cursor is null ? kept : kept.Append(new("cursor", cursor)));
    }

    /// <summary>A form sends the fields that were left empty, too.</summary>
    private static QueryCollection Filled(IQueryCollection query) =>
        new(query.Where(field => !StringValues.IsNullOrEmpty(field.Value)).ToDictionary(field => field.Key, field => field.Value));
}

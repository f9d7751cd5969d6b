using Hangfire.Dashboard;
using Heimdall.Api.Audit;
using Heimdall.Api.Callers;
using Heimdall.Api.Dashboard.Details;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Dashboard.Listing;

/// <summary>
/// Cancels or runs again many jobs: first it shows which, by the filter of the list, and then does it with these and no
/// others.
/// </summary>
internal static class BulkPage
{
    public const int MostJobs = 200;

    private const int MostShown = 20;
    private const int MostRefusals = 10;

    private static readonly Deed _cancel = new(
        "cancel", "Cancel", Right.StopJobs,
        [JobStatus.WaitingForApproval, JobStatus.Accepted, JobStatus.Running],
        "What waits will not run. What runs is stopped in its database: what it has not committed is rolled back.");

    private static readonly Deed _retry = new(
        "retry", "Run again", Right.RetryJobs, [JobStatus.Failed, JobStatus.Canceled, JobStatus.Killed],
        "Each becomes a new job that runs from the beginning. What the old one has committed stays.");

    /// <summary>The ways to it from the list.</summary>
    public static Markup DrawLinks(DashboardContext context, ListFilter list)
    {
        var links = new[] { _cancel, _retry }.Where(deed => context.RightsOfCaller().Has(deed.Right)).Select(deed => Markup.Of($"""
            <a class="btn" href="{list.AddressOf(context.AddressOf($"/sql/bulk/{deed.Name}"))}">{deed.Label} all that match …</a>
            """));
        return Markup.Of($"""<div class="hd-bulk">{links}</div>""");
    }

    public static Task<PageContent> AskCancelAsync(DashboardContext context) => AskAsync(context, _cancel);

    public static Task<PageContent> AskRetryAsync(DashboardContext context) => AskAsync(context, _retry);

    public static Task CancelAsync(DashboardContext context) => DoAsync(context, _cancel, async id =>
    {
        var http = context.GetHttpContext();
        return await context.Service<JobStore>().RefuseAsync(http, id, Right.StopJobs, context.Aborted()) is { } refusal
            ? new PartRefusal(refusal.StatusCode, refusal.ProblemDetails.Detail!)
            : await context.Service<JobCanceller>().CancelAsync(id, http.CallerName(), context.Aborted()) is (_, Stopping: false)
                ? new PartRefusal(StatusCodes.Status409Conflict, "It has ended already.")
                : null;
    });

    public static Task RetryAsync(DashboardContext context) =>
        DoAsync(context, _retry, async id =>
            await JobActions.RetryAsync(context, id, fromStatement: null) is (null, var status, { } why)
                ? new PartRefusal(status, why)
                : null);

    private static async Task<PageContent> AskAsync(DashboardContext context, Deed deed)
    {
        var list = ListFilter.Read(context.GetHttpContext().Request.Query, context.RightsOfCaller().Jobs);
        var back = list.AddressOf(context.AddressOf("/sql/jobs"));
        if (list.Problems.Count > 0 || list.Filter.Text is not null)
        {
            return Page(deed, back, Pieces.Alert("warning", Markup.Of(
                $"This filter cannot be used for many jobs at once. Filter by something else than text."))) with
            {
                Status = StatusCodes.Status400BadRequest,
            };
        }
        var wanted = list.Filter.Status.Count == 0 ? deed.Statuses : [.. list.Filter.Status.Intersect(deed.Statuses)];
        var filter = list.Filter with
        {
            Status = wanted,
            Limit = MostJobs,
            After = null,
            Sight = context.RightsOfCaller().JobsFor(deed.Right),
        };
        var page = wanted.Length == 0
            ? new JobPage([], null)
            : await context.Service<JobStore>().ListAsync(filter, context.Aborted());
        var jobs = (await WithParentsAsync(context, page.Jobs, filter))
            .Where(job => context.RightsOfCaller().Over(Right.SeeJobs, job)).ToList();
        if (jobs.Count == 0)
        {
            return Page(deed, back, Markup.Of($"<p>No job that matches can be {deed.Done}.</p>"));
        }
        var ids = jobs.Select(job => Markup.Of($"""<input type="hidden" name="id" value="{job.Id}">"""));
        var now = context.Service<StoreClock>().GetUtcNow().UtcDateTime;
        var more = page.Next is null ? "" : $" There are more: these are the newest {jobs.Count}.";
        var unshown = jobs.Count > MostShown
            ? Markup.Of($"""<p class="hd-aside">And {jobs.Count - MostShown} more.</p>""")
            : Markup.Empty;
        var count = $"{jobs.Count} {(jobs.Count == 1 ? "job" : "jobs")}";
        var form = context.Form($"/sql/bulk/{deed.Name}/named", Markup.Of($"""
            {ids}<button type="submit" class="btn btn-danger">{deed.Label}: {count}</button> <a class="btn" href="{back}">Leave them</a>
            """));
        return Page(deed, back, Markup.Of($"""
            <p><strong>{count}</strong> by {jobs.Select(job => job.User).Distinct().Count()} callers on {jobs.Select(job => job.ClusterId).Distinct().Count()} clusters.{more} {deed.Said}</p>
            {form}<h2>Which</h2>{JobTable.Draw(context, [.. jobs.Take(MostShown)], now)}{unshown}
            """));
    }

    /// <summary>
    /// What is done with a parent is done with its children: beside it they would be run twice. So a parent that
    /// matches too, maybe on another page of the list, stands for them.
    /// </summary>
    private static async Task<IEnumerable<Job>> WithParentsAsync(
        DashboardContext context, IReadOnlyList<Job> jobs, JobFilter filter)
    {
        Guid[] named = [.. jobs.Select(job => job.ParentId).OfType<Guid>().Distinct()];
        var parents = await context.Service<JobStore>().FindMatchingAsync(named, filter, context.Aborted());
        var ids = parents.Select(parent => parent.Id).ToHashSet();
        return jobs.Where(job => job.ParentId is not { } parent || !ids.Contains(parent)).Concat(parents)
            .DistinctBy(job => job.Id);
    }

    /// <param name="context">The request, whose form names the jobs.</param>
    /// <param name="deed">What is done.</param>
    /// <param name="doAsync">Does it with one, and says why not.</param>
    private static async Task DoAsync(DashboardContext context, Deed deed, Func<Guid, Task<PartRefusal?>> doAsync)
    {
        var ids = (await context.Request.GetFormValuesAsync("id")).Select(text => Guid.TryParse(text, out var id) ? id : (Guid?)null)
            .OfType<Guid>().Distinct().Take(MostJobs).ToList();
        var refused = new List<(Guid Id, string Why)>();
        var audit = context.Service<AuditGate>();
        foreach (var id in ids)
        {
            if (await audit.MakePartAsync($"job/{id}", () => doAsync(id)) is { } refusal)
            {
                refused.Add((id, refusal.Why));
            }
        }
        var list = refused.Take(MostRefusals).Select(one =>
            Markup.Of($"<li>{Pieces.JobLink(context.AddressOf, one.Id, $"job {one.Id}")}: {one.Why}</li>"));
        var not = refused.Count == 0 ? Markup.Empty : Pieces.Alert("warning", Markup.Of($"""
            <p>{refused.Count} of {ids.Count} were not:</p><ul>{list}</ul>
            """));
        var body = Markup.Of($"""<p role="status">{ids.Count - refused.Count} of {ids.Count} jobs: {deed.Label.ToLowerInvariant()}.</p>{not}""");
        await PageDispatcher.ShowAsync(context, Page(deed, context.AddressOf("/sql/jobs"), body) with
        {
            Status = ids.Count == 0 ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK,
        });
    }

    private static PageContent Page(Deed deed, string back, Markup body) => new($"{deed.Label} many jobs", Markup.Of($"""
        <p class="hd-back"><a href="{back}">SQL jobs</a></p><h1 class="page-header">{deed.Label} many jobs</h1>{body}
        """));

    private sealed record Deed(string Name, string Label, Right Right, JobStatus[] Statuses, string Said)
    {
        public string Done => Name == "cancel" ? "canceled" : "run again";
    }
}

using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Queue;
using Heimdall.Core.Results;
using Heimdall.Core.Running;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>One job: what it runs, where it stands and what came of it. While the job is open the page asks for its parts anew.</summary>
internal static class JobDetailPage
{
    public static Task<PageContent> ReadAsync(DashboardContext context) => ReadAsync(context, notice: null, StatusCodes.Status200OK);

    /// <param name="context">The request, whose address names the job.</param>
    /// <param name="notice">What became of a button's wish, when it cannot be seen from the job.</param>
    /// <param name="status">The reply's, if the job is there.</param>
    public static async Task<PageContent> ReadAsync(DashboardContext context, string? notice, int status)
    {
        var id = context.AddressedJob();
        if (await context.Service<JobStore>().FindAsync(id, context.Aborted()) is not { } job
            || !context.RightsOfCaller().Over(Right.SeeJobs, job))
        {
            return new PageContent("No such job", Markup.Of($"""<h1 class="page-header">No such job</h1><p>There is no job <code>{id}</code>.</p>"""))
            {
                Status = StatusCodes.Status404NotFound,
            };
        }
        var log = await LogPart.ReadAsync(context, id);
        var parts = await DrawPartsAsync(context, job, isWhole: true);
        string[] last = ["hd-part-sql", "hd-part-facts", "hd-part-attempts"];
        Markup Section(string part) =>
            Markup.Of($"""<section id="{part}" data-mark="{parts[part].Mark}">{parts[part].Html}</section>""");
        var version = job.Version.Length > 0 ? Markup.Of($" <small>{job.Version}</small>") : Markup.Empty;
        return new PageContent($"{job.Name} – {job.Status.ToName()}", Markup.Of($"""
            <div id="hd-live" data-url="{context.AddressOf($"/sql/jobs/{id}/live")}" data-after="{log.After}" data-more="{(job.Status.IsFinal() ? "false" : "true")}">
            <p class="hd-back"><a href="{context.AddressOf("/sql/jobs")}">SQL jobs</a></p>
            <h1 class="page-header" id="hd-title">{job.Name}{version}</h1>
            {(notice is null ? Markup.Empty : Pieces.Alert("warning", Markup.Of($"{notice}")))}
            {(job.Description.Length > 0 ? Markup.Of($"<p>{job.Description}</p>") : Markup.Empty)}
            <p id="hd-status" role="status" data-mark="{parts["hd-status"].Mark}">{parts["hd-status"].Html}</p>
            <div id="hd-actions" class="hd-actions" data-mark="{parts["hd-actions"].Mark}">{parts["hd-actions"].Html}</div>
            <p id="hd-away" class="alert alert-warning" role="alert" hidden></p>
            {parts.Keys.Where(part => part.StartsWith("hd-part-", StringComparison.Ordinal)).Except(last).Select(Section)}
            <div class="hd-work">{Section("hd-part-sql")}<section>{log.DrawSection(context, id)}</section></div>
            {Section("hd-part-facts")}{Section("hd-part-attempts")}
            <section>{SqlPart.DrawContext(job.Context)}</section>
            </div>
            """)) { Status = status };
    }

    /// <summary>What has become of the parts, for the page's script.</summary>
    public static async Task SendLiveAsync(DashboardContext context)
    {
        var http = context.GetHttpContext();
        if (await context.Service<JobStore>().FindAsync(context.AddressedJob(), context.Aborted()) is not { } job
            || !context.RightsOfCaller().Over(Right.SeeJobs, job))
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        var isOver = job.Status.IsFinal();
        // The log after the job: of one that has ended, all of it is there.
        var log = await LogPart.ReadAsync(context, job.Id);
        var parts = await DrawPartsAsync(context, job, isOver);
        await http.Response.WriteAsJsonAsync(
            new LiveParts(
                $"{job.Name} – {job.Status.ToName()}",
                !isOver,
                parts.ToDictionary(part => part.Key, part => new SentPart(part.Value.Html.ToString(), part.Value.Mark)),
                new SentLog(log.Html.ToString(), log.After, log.IsCut)),
            context.Aborted());
    }

    /// <param name="context">The request.</param>
    /// <param name="job">The job.</param>
    /// <param name="isWhole">With those that do not change while the job is open.</param>
    private static async Task<Dictionary<string, LivePart>> DrawPartsAsync(DashboardContext context, Job job, bool isWhole)
    {
        var time = context.Service<StoreClock>();
        var aborted = context.Aborted();
        job = await context.RightsOfCaller().TellAsync(context.Service<FanOuts>(), job, aborted);
        var attempts = await context.Service<AttemptHistory>().ReadAsync(job, aborted);
        var retries = job.Status.IsFinal()
            ? await context.Service<JobRelatives>().FindRetriesAsync(job.Id, aborted)
            : [];
        var isParent = job.FanOut is not null;
        var usual = job.Status == JobStatus.Running && !job.IsSync && !isParent
            ? await context.Service<JobRelatives>().FindUsualTimeAsync(job, aborted)
            : null;
        var now = time.GetUtcNow().UtcDateTime;
        var toApprove = await context.Service<ContentToApprove>().ReadAsync(context.GetHttpContext(), job, aborted);
        var parts = new Dictionary<string, LivePart>
        {
            ["hd-status"] = LivePart.Of(JobParts.Status(job, await context.Service<WaitingReasons>().FindAsync(job, aborted))),
            ["hd-actions"] = JobButtons.Draw(context, job, retries.Count, toApprove),
            ["hd-part-errors"] = LivePart.Of(JobParts.Errors(job)),
            ["hd-part-children"] = LivePart.Of(await ChildrenPart.DrawAsync(context, job, now)),
            ["hd-part-timeline"] = LivePart.Of(isParent ? Markup.Empty : TimelinePart.Draw(job, attempts, now)),
            ["hd-part-progress"] = LivePart.Of(JobParts.Progress(job, usual, now)),
            ["hd-part-session"] = LivePart.Of(isParent
                ? Markup.Empty
                : await SessionPart.DrawAsync(
                    job, context.Service<JobActivity>(), time, context.AddressOf, aborted)),
        };
        if (isWhole)
        {
            parts["hd-part-result"] = LivePart.Of(
                await PreviewTable.DrawAsync(
                    context, job, context.Service<ResultStore>(), context.Service<ResultsConfig>(), time, aborted));
            parts["hd-part-sql"] = LivePart.Of(toApprove is { Files.Count: > 0 }
                ? await SqlPart.DrawWholeAsync(toApprove, aborted)
                : await context.Service<SqlPart>().DrawAsync(
                    context.GetHttpContext(), job, await StatementTimes.ReadAsync(context, job.Id), aborted));
        }
        parts["hd-part-facts"] = LivePart.Of(JobParts.Facts(
            context, job, retries.Where(retry => context.RightsOfCaller().Over(Right.SeeJobs, retry.Place)),
            await context.Service<JobRelatives>().FindLeftHooksAsync(job, aborted)));
        parts["hd-part-attempts"] = LivePart.Of(AttemptTable.Draw(attempts));
        return parts;
    }

    /// <param name="Title">Of the window.</param>
    /// <param name="More">Whether to ask again.</param>
    /// <param name="Parts">By the id of the element that each is the inside of.</param>
    /// <param name="Log">What the log goes on with.</param>
    private sealed record LiveParts(string Title, bool More, Dictionary<string, SentPart> Parts, SentLog Log);

    private sealed record SentPart(string Html, string Mark);

    /// <param name="Html">The lines.</param>
    /// <param name="After">Where to go on the next time.</param>
    /// <param name="Cut">Whether lines are missing before these: then they take the place of all that the page shows.</param>
    private sealed record SentLog(string Html, long After, bool Cut);
}

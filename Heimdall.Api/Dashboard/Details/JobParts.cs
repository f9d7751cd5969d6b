using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>Parts of a job's page that are drawn from its row alone.</summary>
internal static class JobParts
{
    private const int MostErrors = 20;

    /// <summary>Where the job stands, in a sentence: it is read aloud when it changes.</summary>
    /// <param name="job">The job.</param>
    /// <param name="waitingFor">What it waits for; null when it does not wait.</param>
    public static Markup Status(Job job, string? waitingFor) =>
        Markup.Of($"{Pieces.Status(job.Status)} {Told(job)}{(waitingFor is null ? "" : $" It waits for {waitingFor}.")}");

    public static Markup Progress(Job job, UsualTime? usual, DateTime now)
    {
        var progress = job.Progress;
        var bars = new List<Markup>();
        // A script that has been read whole has not been run whole.
        if (progress is { BytesRead: { } read, BytesTotal: { } size and > 0, StatementsTotal: null } && read < size)
        {
            bars.Add(Bar("Script read", read, size, $"{Pieces.Bytes(read)} of {Pieces.Bytes(size)}"));
        }
        if (progress is { Statements: { } done, StatementsTotal: { } all and > 0 })
        {
            bars.Add(Bar("Statements done", done, all, $"{Pieces.Number(done)} of {Pieces.Number(all)}"));
        }
        else if (progress.Statements is { } soFar)
        {
            bars.Add(Markup.Of($"""<p>Statements done: <span class="hd-count">{Pieces.Number(soFar)}</span></p>"""));
        }
        if (usual is { Middle: var middle, Runs: var runs } && job.StartedAt is { } start && middle > TimeSpan.Zero)
        {
            var passed = now - start;
            bars.Add(Bar(
                "Usual time", (long)passed.TotalMilliseconds, Math.Max(1, (long)middle.TotalMilliseconds),
                passed <= middle
                    ? $"{(long)(100 * passed / middle)} % of {Pieces.Duration(middle)}"
                    : $"longer than {Pieces.Duration(middle)}"));
            bars.Add(Markup.Of($"""
                <p class="hd-aside">The middle of {runs} earlier {(runs == 1 ? "run" : "runs")} of the same SQL by {job.User} on {job.ClusterName}.</p>
                """));
        }
        return bars.Count == 0 ? Markup.Empty : Markup.Of($"<h2>Progress</h2>{bars}");
    }

    public static Markup Errors(Job job)
    {
        IReadOnlyList<StatementError> errors = job.Failure?.Errors ?? job.Progress.Errors ?? [];
        if (errors.Count == 0 && job.Failure is null)
        {
            return Markup.Empty;
        }
        var list = errors.Count == 0
            ? Markup.Of($"<p>{job.Failure!.Message}</p>")
            : Markup.Join(errors.Take(MostErrors).Select(DrawError));
        // What led to the end is not always what the statement said: a deadline, a lost session.
        var message = job.Failure is { } failure && errors.Count > 0 && failure.Message != errors[0].Message ? Markup.Of($"<p>{failure.Message}</p>") : Markup.Empty;
        var more = errors.Count > MostErrors ? Markup.Of($"<p>And {errors.Count - MostErrors} more: the run log has them.</p>") : Markup.Empty;
        return Markup.Of($"""<h2>{(errors.Count > 1 ? "Errors" : "Error")}</h2><div class="hd-errors">{message}{list}{more}</div>""");
    }

    public static Markup Facts(
        DashboardContext context, Job job, IEnumerable<JobRetry> retries, IReadOnlyList<string> leftHooks)
    {
        var progress = job.Progress;
        return Markup.Of($"""
            <h2>Job</h2><dl class="hd-facts">
            {Pieces.BroadFact("Id", Markup.Of($"<code>{job.Id}</code>"))}
            {Pieces.Fact("Kind", job.ReturnResult ? job.IsSync ? "query, inline" : "query, queued" : "batch")}
            {Pieces.Fact("Command", job.CommandName)}
            {Pieces.Fact("Cluster", job.FanOut is { } fanOut ? Pieces.Clusters(fanOut.Total) : job.ClusterName)}
            {Pieces.Fact("At once", job.FanOut?.MaxParallel is { } parallel ? $"at most {parallel}" : null)}
            {Pieces.Fact("Canary", job.FanOut?.Canary is { } canary ? $"the first {canary}" : null)}
            {Pieces.Fact("Stops after", job.FanOut?.StopAfterFailures is { } failures ? $"{failures} failures" : null)}
            {Pieces.Fact("Part of", DrawParent(context, job))}
            {Pieces.Fact("Caller", Markup.Of($"""<a href="{context.AddressOf("/sql/jobs") + new QueryString().Add("user", job.User)}">{job.User}</a>"""))}
            {Pieces.Fact("Tags", Markup.Join(job.Tags.Select(tag => Markup.Of($"""<a class="hd-tag" href="{context.AddressOf($"/sql/jobs?tag={Uri.EscapeDataString(tag)}")}">{tag}</a> """))))}
            {Pieces.Fact("Schedule", job.ScheduleId is { } schedule ? Markup.Of($"""<a href="{context.AddressOf($"/sql/schedules/{Uri.EscapeDataString(schedule)}")}">{schedule}</a>""") : Markup.Empty)}
            {Pieces.Fact("Planned for", Pieces.Time(job.PlannedAt))}
            {Pieces.Fact("Created", Pieces.Time(job.CreatedAt))}
            {Pieces.Fact("Started", Pieces.Time(job.StartedAt))}
            {Pieces.Fact("Ended", Pieces.Time(job.FinishedAt))}
            {Pieces.Fact("Took", job is { StartedAt: { } start, FinishedAt: { } end } ? Pieces.Duration(end - start) : null)}
            {Pieces.Fact("Priority", job.Priority == 0 ? null : Pieces.Number(job.Priority))}
            {Pieces.Fact("After", Markup.Join(job.After.Select(one => Markup.Of($"{Pieces.JobLink(context.AddressOf, one.Id, $"job {one.Id}")} has {one.On.ToName()} "))))}
            {Pieces.Fact("Start after", Pieces.Time(job.StartAfter))}
            {Pieces.Fact("Start before", Pieces.Time(job.StartBefore))}
            {Pieces.Fact("Decided on by", job.Approval?.DecidedBy)}
            {Pieces.Fact("Decided on", Pieces.Time(job.Approval?.DecidedAt))}
            {Pieces.BroadFact("SHA-256 to approve", DrawContent(job.Approval?.Content))}
            {Pieces.Fact("Hooks", DrawHooks(context, job))}
            {Pieces.Fact("Hooks left out", TellLeft(leftHooks))}
            {Pieces.Fact("Rows affected", progress.RowsAffected is { } affected ? Pieces.Number(affected) : null)}
            {Pieces.Fact("Rows", progress.RowCount is { } rows ? $"{Pieces.Number(rows)}{(progress.Truncated == true ? ", ended by a limit" : "")}" : null)}
            {Pieces.Fact("Asked to stop by", job.CanceledBy)}
            {Pieces.Fact("Runs again", job.RetryOf is { } old ? Pieces.JobLink(context.AddressOf, old, $"job {old}") : Markup.Empty)}
            {Pieces.Fact("Run again as", Markup.Join(retries.Select(one => Markup.Of($"{Pieces.JobLink(context.AddressOf, one.Id, $"job {one.Id}")} {one.Status.ToName()} "))))}
            {Pieces.Fact("Begins at", job.Resume is { } resume ? $"statement {resume.Statement}" : null)}
            {Pieces.BroadFact("SHA-256", progress.Sha256 is { } sha256 ? Markup.Of($"<code>{sha256}</code>") : Markup.Empty)}
            {Pieces.Fact("In the queue", DrawEntry(context, job))}
            </dl>
            """);
    }

    /// <summary>What an approval is for.</summary>
    private static Markup DrawContent(JobContent? content) => content is null
        ? Markup.Empty
        : Markup.Join([
            Markup.Of($"<code>{content.Sha256}</code>"),
            .. (content.Files ?? []).Select(file => Markup.Of($"<br>{file.Path} <code>{file.Sha256}</code>"))]);

    private static Markup DrawParent(DashboardContext context, Job job) => job.ParentId is { } parent
        ? Pieces.JobLink(context.AddressOf, parent, $"job {parent}")
        : Markup.Empty;

    private static string? TellLeft(IReadOnlyList<string> hooks) =>
        hooks.Count > 0 ? $"{string.Join(", ", hooks)}: in no file any more" : null;

    /// <summary>The hooks that are notified of the end, with the way to the messages for who may see them.</summary>
    private static Markup DrawHooks(DashboardContext context, Job job)
    {
        var names = string.Join(", ", job.OnEnd.Select(hook => hook.Hook));
        return names.Length == 0 || !context.RightsOfCaller().Has(Right.SeeHooks)
            ? Markup.Of($"{names}")
            : Markup.Of($"""<a href="{context.AddressOf($"/sql/hooks?job={job.Id}")}">{names}</a>""");
    }

    /// <summary>The way to Hangfire's own page of the job, for who may see it.</summary>
    private static Markup DrawEntry(DashboardContext context, Job job) =>
        job.QueueId is { } id && context.RightsOfCaller().Has(Right.SeeEngine)
            ? Markup.Of($"""<a href="{context.AddressOf($"/jobs/details/{id}")}">Hangfire job #{id}</a>""")
            : Markup.Empty;

    private static string Told(Job job) => job.Status switch
    {
        JobStatus.WaitingForApproval => "Somebody else has to approve it before it runs.",
        JobStatus.New or JobStatus.Accepted => job.Attempt == 0 ? "It waits in the queue." : "It waits in the queue to be run again.",
        JobStatus.Running when job.FanOut is { } fanOut => $"{fanOut.Ended} of {fanOut.Total} children have ended.",
        JobStatus.Running => job.Attempt > 1 ? $"Attempt {job.Attempt} runs." : "It runs.",
        JobStatus.Failed or JobStatus.Killed or JobStatus.Canceled
            when job.FanOut is { } fanOut && (job.CanceledBy is null || job.Status == JobStatus.Failed) =>
            $"{fanOut.Succeeded} of {fanOut.Total} children have succeeded.",
        JobStatus.Canceling => "It has been asked to stop, and is not yet known to have stopped.",
        JobStatus.Canceled when job.WasRefused => $"It was refused by {job.CanceledBy}, and never ran.",
        JobStatus.Canceled => job.CanceledBy is { } user ? $"It was stopped by {user}." : "It never ran.",
        JobStatus.Killed => "A deadline stopped it.",
        JobStatus.Failed => "It failed.",
        JobStatus.Succeeded => "It has ended well.",
        _ => "A newer version of Heimdall knows its state, and this one does not.",
    };

    private static Markup Bar(string name, long done, long all, string told) => Markup.Of($"""
        <div class="hd-bar"><span>{name}</span> <progress max="{all}" value="{Math.Min(done, all)}" aria-label="{name}"></progress> <span class="hd-count">{told}</span></div>
        """);

    private static Markup DrawError(StatementError error)
    {
        var place = error.Line is { } line
            ? Markup.Of($"""<a href="#{SqlListing.AnchorOf(line)}">Line {line}{(error.Column is { } column ? $", column {column}" : "")}</a>""")
            : Markup.Empty;
        return Markup.Of($"""
            <div class="hd-error"><p class="hd-error-message"><code>{error.SqlState ?? "-"}</code> {error.Message}</p>
            <dl class="hd-facts">{Pieces.Fact("Where", place)}{Pieces.Fact("Statement", error.Statement is { } number ? $"{number}" : null)}
            {Pieces.Fact("Detail", error.Detail)}{Pieces.Fact("Hint", error.Hint)}{Pieces.Fact("Within", error.Context)}</dl></div>
            """);
    }
}

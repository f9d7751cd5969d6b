using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Jobs;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>What can be done with a job as it stands. Each button says what will happen, and asks.</summary>
internal static class JobButtons
{
    /// <param name="context">The request.</param>
    /// <param name="job">The job.</param>
    /// <param name="retries">How many jobs run it again already.</param>
    /// <param name="toApprove">What the page shows to who may decide on it; null for everybody else.</param>
    public static LivePart Draw(DashboardContext context, Job job, int retries, ShownContent? toApprove)
    {
        var offers = Offers(job, retries).Where(offer => context.RightsOfCaller().Over(offer.Right, job)).ToList();
        var decision = toApprove is null ? Markup.Empty : DrawDecision(context, job, toApprove);
        return new LivePart(
            Markup.Join([decision, .. offers.Select(offer => DrawOffer(context, job, offer)), DrawEdit(context, job)]),
            LivePart.MarkOf(string.Join('\n', offers) + (toApprove is null ? "" : $"\nto decide\n{toApprove.Problem}")));
    }

    /// <summary>For somebody who may approve a job that waits for it. Nobody approves here what is not shown.</summary>
    private static Markup DrawDecision(DashboardContext context, Job job, ShownContent shown)
    {
        var reason = $"hd-reason-{job.Id:N}";
        return Markup.Join([
            shown.Problem is { } problem
                ? Pieces.Alert("warning", Markup.Of($"It cannot be approved on this page. {problem}"))
                : Pieces.Ask(
                    "Approve", "btn-success",
                    Markup.Of($"It runs what the page shows, and nothing else: its SHA-256 is part of the approval."),
                    context.Button($"/sql/jobs/{job.Id}/approve", "Yes, approve it", "btn-success")),
            Pieces.Ask(
                "Refuse", "btn-danger", Markup.Of($"It ends, and will not run."),
                context.Form($"/sql/jobs/{job.Id}/refuse", Markup.Of($"""
                    <label for="{reason}">Reason</label> <input id="{reason}" name="reason" required
                        maxlength="{DecideJob.MaxReason}">
                    <button type="submit" class="btn btn-danger">Yes, refuse it</button>
                    """))),
        ]);
    }

    private static Markup DrawEdit(DashboardContext context, Job job)
    {
        if (!context.RightsOfCaller().Has(Right.Submit))
        {
            return Markup.Empty;
        }
        var address = PageFrame.AddressOf(context.GetHttpContext(), $"{AccessTable.Console}?job={job.Id}");
        return Markup.Of($"""<a class="btn" href="{address}">Edit and run as new</a>""");
    }

    private static IEnumerable<Offer> Offers(Job job, int retries)
    {
        if (!job.Status.IsFinal())
        {
            if (job.Status != JobStatus.Canceling)
            {
                yield return new Offer(
                    Right.StopJobs, "cancel", "Cancel", "Yes, cancel it", "btn-danger", QuestionOfCancel(job),
                    FromStatement: null);
            }
            yield break;
        }
        if (job is { FanOut: not null, Status: JobStatus.Succeeded })
        {
            yield break; // all of its children have succeeded
        }
        var again = retries > 0 ? $" It was run again already, {retries} {(retries == 1 ? "time" : "times")}." : "";
        yield return new Offer(
            Right.RetryJobs, "retry", "Run again", "Yes, run it again", "btn-primary", QuestionOfRetry(job) + again,
            FromStatement: null);
        if (job.Status != JobStatus.Succeeded
            && job.Progress is { ResumeFrom: > 1 and var statement, Sha256: not null, CanResume: not false })
        {
            yield return new Offer(
                Right.RetryJobs, "retry", $"Resume at statement {statement}", "Yes, resume it", "btn-primary",
                $"A new job runs the script from statement {statement} on. What was committed before stays.{again}",
                statement);
        }
    }

    private static string QuestionOfCancel(Job job) => job.FanOut is not null
        ? "Each of its children that has not ended is cancelled."
        : job.Status == JobStatus.Running
        ? "Its session is stopped in the database. What it has not committed is rolled back; what it has stays."
        : "It waits, and will not run.";

    private static string QuestionOfRetry(Job job) => job switch
    {
        { FanOut: not null } => "A new job runs it again on the clusters where it did not succeed.",
        { ReturnResult: true } => "A new job runs the same query.",
        { Status: JobStatus.Succeeded } => "It has succeeded. A new job does all of it once more.",
        _ => "A new job runs all of it from the beginning.",
    };

    private static Markup DrawOffer(DashboardContext context, Job job, Offer offer)
    {
        IEnumerable<(string, string)> fields = offer.FromStatement is { } statement ? [("from_statement", $"{statement}")] : [];
        return Pieces.Ask(
            offer.Label, offer.Style, Markup.Of($"{offer.Question}"),
            context.Button($"/sql/jobs/{job.Id}/{offer.Action}", offer.Consent, offer.Style, fields));
    }

    private sealed record Offer(
        Right Right, string Action, string Label, string Consent, string Style, string Question, long? FromStatement);
}

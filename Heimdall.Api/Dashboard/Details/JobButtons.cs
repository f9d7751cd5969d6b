using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>What can be done with a job as it stands, as buttons.</summary>
internal static class JobButtons
{
    public static LivePart Draw(DashboardContext context, Job job)
    {
        var offers = Offers(job).Where(offer => context.RightsOfCaller().Over(offer.Right, job)).ToList();
        return new LivePart(Markup.Join(offers.Select(offer => DrawOffer(context, job, offer))), LivePart.MarkOf(string.Join('\n', offers)));
    }

    private static IEnumerable<Offer> Offers(Job job)
    {
        if (!job.Status.IsFinal())
        {
            if (job.Status != JobStatus.Canceling)
            {
                yield return new Offer(Right.StopJobs, "cancel", "Cancel", "btn-danger", FromStatement: null);
            }
            yield break;
        }
        yield return new Offer(Right.RetryJobs, "retry", "Run again", "btn-default", FromStatement: null);
        if (job.Status != JobStatus.Succeeded
            && job.Progress is { ResumeFrom: > 1 and var statement, Sha256: not null, CanResume: not false })
        {
            yield return new Offer(
                Right.RetryJobs, "retry", $"Resume at statement {statement}", "btn-default", statement);
        }
    }

    private static Markup DrawOffer(DashboardContext context, Job job, Offer offer)
    {
        IEnumerable<(string, string)> fields = offer.FromStatement is { } statement ? [("from_statement", $"{statement}")] : [];
        return context.Button($"/sql/jobs/{job.Id}/{offer.Action}", offer.Label, offer.Style, fields);
    }

    private sealed record Offer(Right Right, string Action, string Label, string Style, long? FromStatement);
}

using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Jobs;

/// <summary>Answers submissions with <c>dry_run: true</c>: what the job would do. Runs, records and queues nothing.</summary>
internal sealed class DryRuns(JobPreviewer previewer, InlineSlots slots)
{
    public Task<IResult> RunAsync(HttpContext context, JobSubmission submission, CancellationToken cancellationToken) =>
        slots.TakeAsync(context, submission.User, () => AnswerAsync(context, submission, cancellationToken));

    private async Task<IResult> AnswerAsync(HttpContext context, JobSubmission submission, CancellationToken cancellationToken)
    {
        var (routing, preview, failure) = await previewer.PreviewAsync(submission, cancellationToken);
        if (!routing.IsFound)
        {
            return RoutingProblem.Of(context, routing.Outcome, routing.Reason);
        }
        return failure is null
            ? TypedResults.Json(DryRunView.Of(routing.Command, routing.Cluster, preview!), ApiJson.Options)
            : Problem.OfFailure(failure, ListErrors(failure));
    }

    /// <summary>Where there are several, the problem's own members tell only the first.</summary>
    private static Dictionary<string, object?> ListErrors(JobFailure failure) =>
        failure.Errors.Count < 2 ? [] : new() { ["errors"] = failure.Errors.Select(StatementErrorView.Of).ToArray() };
}

using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Jobs;

/// <summary>Answers submissions with <c>dry_run: true</c>: what the job would do. Runs, records and queues nothing.</summary>
internal sealed class DryRuns(JobPreviewer previewer, InlineSlots slots)
{
    public async Task<IResult> RunAsync(
        HttpContext context, JobSubmission submission, CancellationToken cancellationToken)
    {
        var routing = previewer.Route(submission);
        return routing.IsFound
            ? await slots.TakeAsync(
                context, submission.User, routing.Cluster.Id,
                () => AnswerAsync(submission, routing.Command, routing.Cluster, cancellationToken))
            : RoutingProblem.Of(context, routing.Outcome, routing.Reason);
    }

    private async Task<IResult> AnswerAsync(
        JobSubmission submission, Command command, Cluster cluster, CancellationToken cancellationToken)
    {
        var (preview, failure) = await previewer.PreviewAsync(submission, command, cluster, cancellationToken);
        return failure is null
            ? TypedResults.Json(JobPreviewView.Of(command, cluster, preview!), ApiJson.Options)
            : Problem.OfFailure(failure, ListErrors(failure));
    }

    /// <summary>Where there are several, the problem's own members tell only the first.</summary>
    private static Dictionary<string, object?> ListErrors(JobFailure failure) =>
        failure.Errors.Count < 2
            ? []
            : new() { ["statement_errors"] = failure.Errors.Select(StatementErrorView.Of).ToArray() };
}

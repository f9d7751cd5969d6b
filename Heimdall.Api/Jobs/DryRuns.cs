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
        if (submission.FanOut is not null)
        {
            return await RunForAllAsync(context, submission, cancellationToken);
        }
        var routing = previewer.Route(submission);
        return routing.IsFound
            ? await slots.TakeAsync(
                context, submission.User, routing.Cluster.Id,
                () => AnswerAsync(submission, routing.Command, routing.Cluster, cancellationToken))
            : RoutingProblem.Of(context, routing.Outcome, routing.Reason);
    }

    /// <summary>
    /// Names the targets, and says what the job would do on the first that answered its last health check.
    /// </summary>
    private async Task<IResult> RunForAllAsync(
        HttpContext context, JobSubmission submission, CancellationToken cancellationToken)
    {
        var routing = previewer.RouteAll(submission);
        if (!routing.IsFound)
        {
            return RoutingProblem.Of(context, routing.Refusal.Outcome, routing.Refusal.Reason!);
        }
        var view = TargetsPreviewView.Of(submission.FanOut!, routing);
        return routing.Targets.FirstOrDefault(target => target.IsHealthy) is { Cluster: var cluster }
            ? await slots.TakeAsync(
                context, submission.User, cluster.Id,
                () => AnswerForAllAsync(submission, routing.Command, cluster, view, cancellationToken))
            : TypedResults.Json(view, ApiJson.Options);
    }

    private async Task<IResult> AnswerForAllAsync(
        JobSubmission submission, Command command, Cluster cluster, TargetsPreviewView view,
        CancellationToken cancellationToken)
    {
        var (preview, failure) = await previewer.PreviewAsync(submission, command, cluster, cancellationToken);
        return failure is null
            ? TypedResults.Json(view with { Preview = JobPreviewView.Of(command, cluster, preview!) }, ApiJson.Options)
            : Problem.OfFailure(failure, ListErrors(failure));
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

using System.Collections.Concurrent;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Jobs;

/// <summary>Answers submissions with <c>dry_run: true</c>: what the job would do. Runs, records and queues nothing.</summary>
internal sealed class DryRuns(JobPreviewer previewer, ServerConfig config)
{
    private readonly ConcurrentDictionary<string, int> _running = new(StringComparer.Ordinal);

    public async Task<IResult> RunAsync(HttpContext context, JobSubmission submission, CancellationToken cancellationToken)
    {
        if (_running.AddOrUpdate(submission.User, 1, (_, count) => count + 1) > config.MaxInlinePerCaller)
        {
            Leave(submission.User);
            context.Response.Headers.RetryAfter = "1";
            return Problem.Of(
                StatusCodes.Status429TooManyRequests, "too-many-queries", "Too many dry runs are running.",
                $"User '{submission.User}' has {config.MaxInlinePerCaller} dry runs running, as many as this server allows.");
        }
        try
        {
            return await AnswerAsync(context, submission, cancellationToken);
        }
        finally
        {
            Leave(submission.User);
        }
    }

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

    private void Leave(string user)
    {
        // A user without dry runs leaves no entry behind.
        if (_running.AddOrUpdate(user, 0, (_, count) => count - 1) == 0)
        {
            _running.TryRemove(new(user, 0));
        }
    }
}

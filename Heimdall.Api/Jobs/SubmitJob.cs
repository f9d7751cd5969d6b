using Heimdall.Api.Callers;
using Heimdall.Api.Formats;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Jobs;

/// <summary><c>POST /api/v1/job</c>: runs a query at once, or puts a job into the queue.</summary>
internal static class SubmitJob
{
    // What a client should wait before it asks again; most queued jobs have started by then.
    private const string PollInterval = "1";

    public static async Task<IResult> HandleAsync(
        HttpContext context, JobSubmitter submitter, JobStore jobs, InlineQueries inline, CancellationToken cancellationToken)
    {
        if (!context.Request.HasJsonContentType())
        {
            return Problem.Of(
                StatusCodes.Status415UnsupportedMediaType, "unsupported-media-type", "The request is not JSON.", "Send the job as 'Content-Type: application/json'.");
        }
        var (request, problems) = await SubmitJobRequestReader.ReadAsync(context.Request.Body, cancellationToken);
        if (request is null)
        {
            return Problem.Invalid(problems);
        }
        problems.AddRange((await new SubmitJobValidator().ValidateAsync(request, cancellationToken)).Errors
            .Where(error => problems.TrueForAll(problem => problem.Path != error.PropertyName))
            .Select(error => new ContextProblem(error.PropertyName, error.ErrorMessage)));
        if (problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        var submission = ToSubmission(request, context.CallerName());
        if (FindEmptyCriteria(submission) is { } refusal)
        {
            return refusal;
        }
        var (routing, prepared) = submitter.Prepare(submission);
        if (prepared is null)
        {
            return NoPair(context, routing);
        }
        var preferences = Preferences.Read(context.Request);
        if (!prepared.Job.ReturnResult || preferences.RespondAsync)
        {
            return await EnqueueAsync(context, submitter, jobs, prepared.Job, preferences, cancellationToken);
        }
        return ResultFormat.Negotiate(context.Request) is { } format ? await inline.RunAsync(context, prepared, format) : Problem.NotAcceptable();
    }

    private static JobSubmission ToSubmission(SubmitJobRequest request, string user) => new()
    {
        Name = request.Name!,
        Version = request.Version ?? "",
        Description = request.Description ?? "",
        Tags = request.Tags ?? [],
        CommandCriteria = request.CommandCriteria ?? [],
        ClusterCriteria = request.ClusterCriteria ?? [],
        Context = request.Context!,
        User = user,
    };

    private static ProblemHttpResult? FindEmptyCriteria(JobSubmission submission)
    {
        string[] empty =
        [
            .. submission.CommandCriteria.Count == 0 ? ["command_criteria"] : Array.Empty<string>(),
            .. submission.ClusterCriteria.Count == 0 ? ["cluster_criteria"] : Array.Empty<string>(),
        ];
        return empty.Length == 0
            ? null
            : Unmatched($"{string.Join(" and ", empty)}: empty. Name at least one tag; empty criteria would match anything.");
    }

    private static ProblemHttpResult NoPair(HttpContext context, RoutingResult routing)
    {
        switch (routing.Outcome)
        {
            case RoutingOutcome.NotAllowed:
                return Problem.Of(StatusCodes.Status403Forbidden, "forbidden", "You may not do this.", routing.Reason!);
            case RoutingOutcome.Unhealthy:
                context.Response.Headers.RetryAfter = "10";
                return Problem.Of(StatusCodes.Status503ServiceUnavailable, "unavailable", "The cluster cannot be reached.", routing.Reason!);
            default:
                return Unmatched(routing.Reason!);
        }
    }

    private static ProblemHttpResult Unmatched(string reason) =>
        Problem.Of(StatusCodes.Status422UnprocessableEntity, "no-match", "No command and cluster match.", reason);

    private static async Task<IResult> EnqueueAsync(
        HttpContext context, JobSubmitter submitter, JobStore jobs, Job job, Preferences preferences, CancellationToken cancellationToken)
    {
        if (await submitter.IsQueueFullAsync(job.User, cancellationToken))
        {
            context.Response.Headers.RetryAfter = "10";
            return Problem.Of(
                StatusCodes.Status429TooManyRequests, "too-many-jobs", "Too many jobs are waiting.",
                $"User '{job.User}' has as many jobs in the queue as this server allows.");
        }
        var queued = await submitter.EnqueueAsync(job, cancellationToken);
        if (preferences.RespondAsync)
        {
            context.Response.Headers.Append("Preference-Applied", "respond-async");
        }
        if (preferences.Wait is { } wait)
        {
            context.Response.Headers.Append("Preference-Applied", $"wait={wait.TotalSeconds:0}");
            queued = await JobWait.UntilEndedAsync(jobs, queued, wait, cancellationToken);
        }
        if (queued.Status.IsFinal())
        {
            return TypedResults.Json(JobView.Of(queued), ApiJson.Options);
        }
        context.Response.Headers.RetryAfter = PollInterval;
        context.Response.Headers.Location = $"/api/v1/job/{queued.Id}";
        return TypedResults.Json(JobView.Of(queued), ApiJson.Options, statusCode: StatusCodes.Status202Accepted);
    }
}

using Heimdall.Api.Callers;
using Heimdall.Api.Formats;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
using Heimdall.Core.Submission;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Jobs;

/// <summary><c>POST /api/v1/job</c>: runs a query at once, or puts a job into the queue.</summary>
internal static class SubmitJob
{
    /// <summary>Seconds that a client should wait before it asks again; most queued jobs have started by then.</summary>
    public const string PollInterval = "1";

    public static async Task<IResult> HandleAsync(
        HttpContext context, JobSubmitter submitter, JobStore jobs, InlineQueries inline, DryRuns dryRuns, CancellationToken cancellationToken)
    {
        if (!context.Request.HasJsonContentType())
        {
            return Problem.NotJson("job");
        }
        using var body = await SubmitJobRequestReader.ParseAsync(context.Request.Body, cancellationToken);
        var (request, problems) = SubmitJobRequestReader.Read(body.RootElement, SubmitJobValidator.OfJob);
        if (request is null || problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        if (RoutingProblem.OfEmptyCriteria(request) is { } empty)
        {
            return RoutingProblem.Of(context, RoutingOutcome.NoMatch, empty);
        }
        var submission = request.ToSubmission(context.CallerName());
        if (request.DryRun == true)
        {
            return await dryRuns.RunAsync(context, submission, cancellationToken);
        }
        var (routing, prepared) = submitter.Prepare(submission);
        if (prepared is null)
        {
            return RoutingProblem.Of(context, routing.Outcome, routing.Reason!);
        }
        var preferences = Preferences.Read(context.Request);
        if (!prepared.Job.ReturnResult || preferences.RespondAsync)
        {
            return await EnqueueAsync(context, submitter, jobs, prepared.Job, preferences, cancellationToken);
        }
        return ResultFormat.Negotiate(context.Request) is { } format ? await inline.RunAsync(context, prepared, format) : Problem.NotAcceptable();
    }

    /// <summary>Records a job and puts it into the queue, and waits for its end if the caller would.</summary>
    public static async Task<IResult> EnqueueAsync(
        HttpContext context, JobSubmitter submitter, JobStore jobs, Job job, Preferences preferences, CancellationToken cancellationToken)
    {
        if (await submitter.IsQueueFullAsync(job.User, more: 1, cancellationToken))
        {
            return QueueFull(context, $"User '{job.User}' has as many jobs in the queue as this server allows.");
        }
        var queued = (await submitter.EnqueueAsync([job], cancellationToken))[0];
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

    /// <summary>429 for a caller who has had enough jobs queued.</summary>
    public static ProblemHttpResult QueueFull(HttpContext context, string detail)
    {
        context.Response.Headers.RetryAfter = "10";
        return Problem.Of(StatusCodes.Status429TooManyRequests, "too-many-jobs", "Too many jobs are waiting.", detail);
    }
}

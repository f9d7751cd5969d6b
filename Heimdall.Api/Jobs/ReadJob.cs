using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Jobs;

/// <summary>What one job looks like, and where it stands.</summary>
internal static class ReadJob
{
    public static async Task<Results<JsonHttpResult<JobView>, ProblemHttpResult>> JobAsync(
        Guid id, HttpContext context, JobStore jobs, JobWait wait, WaitingReasons reasons, FanOuts fanOuts,
        CancellationToken cancellationToken)
    {
        if (await jobs.FindAsync(id, cancellationToken) is not { } job || !context.Sees(job))
        {
            return Problem.UnknownJob(id);
        }
        job = await wait.AsPreferredAsync(context, job, Preferences.Read(context.Request), cancellationToken);
        if (!job.Status.IsFinal())
        {
            context.Response.Headers.RetryAfter = SubmitJob.PollInterval;
        }
        job = await context.Caller().Rights.TellAsync(fanOuts, job, cancellationToken);
        return TypedResults.Json(JobView.Of(job) with { WaitingFor = await reasons.FindAsync(job, cancellationToken) }, ApiJson.Options);
    }

    public static async Task<Results<JsonHttpResult<JobStatusView>, ProblemHttpResult>> StatusAsync(
        Guid id, HttpContext context, JobStore jobs, FanOuts fanOuts, CancellationToken cancellationToken)
    {
        if (await jobs.FindAsync(id, cancellationToken) is not { } job || !context.Sees(job))
        {
            return Problem.UnknownJob(id);
        }
        if (!job.Status.IsFinal())
        {
            context.Response.Headers.RetryAfter = SubmitJob.PollInterval;
        }
        job = await context.Caller().Rights.TellAsync(fanOuts, job, cancellationToken);
        var view = new JobStatusView(job.Id, job.Status.ToName(), job.UpdatedAt, job.Failure?.Message);
        return TypedResults.Json(view, ApiJson.Options);
    }

    public static JsonHttpResult<IReadOnlyList<string>> Statuses() => TypedResults.Json(JobStatusNames.All, ApiJson.Options);
}

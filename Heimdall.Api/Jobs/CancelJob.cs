using Heimdall.Api.Callers;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Jobs;

/// <summary><c>POST /api/v1/job/{id}/cancel</c>. May be repeated; poll the job for what really happened.</summary>
internal static class CancelJob
{
    public static async Task<IResult> HandleAsync(
        Guid id, HttpContext context, JobStore jobs, JobCanceller canceller, CancellationToken cancellationToken)
    {
        if (await jobs.RefuseAsync(context, id, Right.StopJobs, cancellationToken) is { } refusal)
        {
            return refusal;
        }
        if (await canceller.CancelAsync(id, context.CallerName(), cancellationToken) is not var (job, stopping))
        {
            return Problem.UnknownJob(id);
        }
        if (!stopping)
        {
            return Problem.Of(
                StatusCodes.Status409Conflict, "already-ended", "The job has ended.", $"Job {id} is {job.Status.ToName()} already.",
                new() { ["id"] = id, ["status_of_job"] = job.Status.ToName() });
        }
        if (job.Status.IsFinal())
        {
            return TypedResults.Json(JobView.Of(job), ApiJson.Options);
        }
        context.Response.Headers.RetryAfter = SubmitJob.PollInterval;
        return TypedResults.Json(JobView.Of(job), ApiJson.Options, statusCode: StatusCodes.Status202Accepted);
    }
}

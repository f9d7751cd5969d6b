using Heimdall.Api.Problems;
using Heimdall.Core.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Rights;

/// <summary>What callers may do with one job. One that they may not see is not there for them.</summary>
internal static class JobAccess
{
    public static bool Sees(this HttpContext context, Job job) => context.Caller().Rights.Over(Right.SeeJobs, job);

    public static bool Sees(this HttpContext context, JobPlace job) => context.Caller().Rights.Over(Right.SeeJobs, job);

    /// <returns>
    /// 404 for a job that is not there for the caller, 403 for one that they see only; null where they have the right.
    /// </returns>
    public static async Task<ProblemHttpResult?> RefuseAsync(
        this JobStore jobs, HttpContext context, Guid id, Right right, CancellationToken cancellationToken) =>
        await jobs.FindPlaceAsync(id, cancellationToken) is { } place
            ? Refuse(context, id, place, right)
            : Problem.UnknownJob(id);

    /// <summary>The same for a job that is there.</summary>
    public static ProblemHttpResult? Refuse(HttpContext context, Guid id, JobPlace place, Right right) =>
        context.Caller().Rights.Over(right, place) ? null
        : context.Sees(place) ? RightsGate.Refuse(right, $"Job {id} is of user '{place.Owner}'.")
        : Problem.UnknownJob(id);
}

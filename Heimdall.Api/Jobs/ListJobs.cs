using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Jobs;

/// <summary><c>GET /api/v1/jobs</c>: a page of jobs.</summary>
internal static class ListJobs
{
    public static async Task<IResult> HandleAsync(HttpContext context, JobStore jobs, CancellationToken cancellationToken)
    {
        var (filter, problems) = JobFilterReader.Read(context.Request.Query);
        if (problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        var page = await jobs.ListAsync(filter, cancellationToken);
        return TypedResults.Json(
            new JobListView([.. page.Jobs.Select(JobView.Of)], page.Next is not null, page.Next is { } next ? JobCursorText.Write(next) : null),
            ApiJson.Options);
    }
}

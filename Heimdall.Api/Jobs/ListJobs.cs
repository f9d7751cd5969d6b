using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Jobs;

/// <summary><c>GET /api/v1/jobs</c>: a page of jobs.</summary>
internal static class ListJobs
{
    public static async Task<IResult> HandleAsync(HttpContext context, JobStore jobs, JobSearch search, CancellationToken cancellationToken)
    {
        var (filter, problems) = JobFilterReader.Read(context.Request.Query);
        if (problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        filter = filter with { Sight = context.Caller().Rights.Jobs };
        if (filter.Text is not null)
        {
            var found = await search.FindAsync(filter, cancellationToken);
            return TypedResults.Json(JobListView.Of(found.Jobs, found.Next, isSearch: true), ApiJson.Options);
        }
        var page = await jobs.ListAsync(filter, cancellationToken);
        return TypedResults.Json(JobListView.Of(page.Jobs, page.Next, isSearch: false), ApiJson.Options);
    }
}

using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Jobs;

/// <summary><c>GET /api/v1/jobs</c>: a page of jobs.</summary>
internal static class ListJobs
{
    public static async Task<IResult> HandleAsync(
        HttpContext context, JobStore jobs, JobSearch search, FanOuts fanOuts, CancellationToken cancellationToken)
    {
        var (filter, problems) = JobFilterReader.Read(context.Request.Query);
        if (problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        var rights = context.Caller().Rights;
        filter = filter with { Sight = rights.Jobs };
        if (filter.Text is not null)
        {
            var found = await search.FindAsync(filter, cancellationToken);
            return TypedResults.Json(
                JobListView.Of(
                    await rights.TellAsync(fanOuts, found.Jobs, cancellationToken), found.Next, isSearch: true),
                ApiJson.Options);
        }
        var page = await jobs.ListAsync(filter, cancellationToken);
        return TypedResults.Json(
            JobListView.Of(await rights.TellAsync(fanOuts, page.Jobs, cancellationToken), page.Next, isSearch: false),
            ApiJson.Options);
    }
}

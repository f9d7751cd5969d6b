using Hangfire.Dashboard;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Formats;
using Heimdall.Api.Jobs;
using Heimdall.Api.Rights;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>
/// A whole stored result as a file. Here too, since a browser that has signed in to the dashboard has not signed in to
/// the API.
/// </summary>
internal static class ResultDownload
{
    public static IReadOnlyList<string> Formats { get; } = ["csv", "ndjson", "json", "arrow", "parquet"];

    public static async Task SendAsync(DashboardContext context)
    {
        var http = context.GetHttpContext();
        var id = context.AddressedJob();
        var name = context.UriMatch.Groups["format"].Value.ToLowerInvariant();
        var job = await context.Service<JobStore>().FindAsync(id, context.Aborted());
        if (job is not { Status: JobStatus.Succeeded } || !context.RightsOfCaller().Over(Right.SeeJobs, job)
            || !await context.RightsOfCaller().SeesChildrenAsync(context.Service<FanOuts>(), job, context.Aborted())
            || await context.Service<ResultStore>().FindAsync(job, context.Service<ResultsConfig>(), context.Aborted())
                is not { IsDropped: false, Mismatch: null, MissingOn: null } result
            || result.ExpiresAt <= context.Service<StoreClock>().GetUtcNow().UtcDateTime)
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName($"{FileName(job)}.{name}");
        http.Response.Headers.ContentDisposition = disposition.ToString();
        var format = ResultFormat.Find(name) ?? ResultFormat.Json;
        var reply = await context.Service<ResultReplies>().SendAsync(http, job, result, ResultPage.All, format);
        await reply.ExecuteAsync(http);
    }

    /// <summary>A name of a file that any system takes.</summary>
    private static string FileName(Job job) =>
        $"{string.Concat(job.Name.Take(60).Select(sign => char.IsAsciiLetterOrDigit(sign) || sign is '-' or '_' ? sign : '-'))}-{job.Id}";
}

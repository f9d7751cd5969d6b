using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Results;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.Jobs;

/// <summary><c>GET /api/v1/job/{id}/result</c>: what a queued job left.</summary>
internal static class ReadResult
{
    private static readonly MediaTypeHeaderValue Json = new("application/json") { Charset = "utf-8" };

    public static async Task<IResult> HandleAsync(
        Guid id, HttpContext context, JobStore jobs, ResultStore results, ResultsConfig config, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!TakesJson(context.Request))
        {
            return Problem.Of(
                StatusCodes.Status406NotAcceptable, "not-acceptable", "Not in this format.", "A result is served as application/json; the header Accept excludes that.");
        }
        if (await jobs.FindAsync(id, cancellationToken) is not { } job)
        {
            return Problem.UnknownJob(id);
        }
        // What an attempt that did not succeed has stored so far is nobody's result.
        if (job.Status != JobStatus.Succeeded || await results.FindAsync(id, cancellationToken) is not { } result)
        {
            return Problem.NotFound(WhyNotStored(job, config));
        }
        if (result.ExpiresAt <= time.GetUtcNow().UtcDateTime)
        {
            return Problem.Of(
                StatusCodes.Status410Gone, "expired", "The result is gone.", $"The result of job {id} was kept until {ApiJson.ToText(result.ExpiresAt)}.");
        }
        context.Response.ContentType = "application/json; charset=utf-8";
        await using var writer = new JsonResultWriter(context.Response.BodyWriter) { Head = json => json.WriteStartObject() };
        await writer.StartAsync(result.Columns, cancellationToken);
        await results.ReplayAsync(id, result, writer, cancellationToken);
        await writer.EndRowsAsync(cancellationToken);
        writer.Json.WriteNumber("row_count", result.RowCount);
        writer.Json.WriteBoolean("truncated", result.Truncated);
        writer.Json.WriteString("expires_at", ApiJson.ToText(result.ExpiresAt));
        writer.Json.WriteEndObject();
        await writer.SendAsync(cancellationToken);
        return Results.Empty;
    }

    /// <summary>The range that fits best decides; no header takes everything.</summary>
    private static bool TakesJson(HttpRequest request)
    {
        var ranges = request.GetTypedHeaders().Accept;
        return ranges.Count == 0
            || ranges.Where(Json.IsSubsetOf).MaxBy(range => range.MatchesAllTypes ? 0 : range.MatchesAllSubTypes ? 1 : 2) is { Quality: not 0 };
    }

    private static string WhyNotStored(Job job, ResultsConfig config) => job switch
    {
        { IsSync: true } => "The rows of an inline query are in its reply and are not stored. Submit it with 'Prefer: respond-async' to have them kept.",
        { Status: JobStatus.Succeeded } when !config.Enabled => "Results are switched off on this server (results.enabled).",
        { Status: JobStatus.Succeeded } => "No result was stored.",
        { Status: JobStatus.Failed or JobStatus.Canceled or JobStatus.Killed } => $"The job ended {job.Status.ToName()}; it has no result. GET /api/v1/job/{job.Id} says why.",
        _ => $"The job is {job.Status.ToName()}; its result can be read once it has ended.",
    };
}

using System.Text;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Jobs;

/// <summary>What one job looks like, where it stands, and its run log.</summary>
internal static class ReadJob
{
    public static async Task<Results<JsonHttpResult<JobView>, ProblemHttpResult>> JobAsync(Guid id, JobStore jobs, CancellationToken cancellationToken) =>
        await jobs.FindAsync(id, cancellationToken) is { } job ? TypedResults.Json(JobView.Of(job), ApiJson.Options) : Problem.UnknownJob(id);

    public static async Task<Results<JsonHttpResult<JobStatusView>, ProblemHttpResult>> StatusAsync(
        Guid id, JobStore jobs, CancellationToken cancellationToken) =>
        await jobs.FindAsync(id, cancellationToken) is { } job
            ? TypedResults.Json(new JobStatusView(job.Id, job.Status.ToName(), job.UpdatedAt, job.Failure?.Message), ApiJson.Options)
            : Problem.UnknownJob(id);

    public static JsonHttpResult<IReadOnlyList<string>> Statuses() => TypedResults.Json(JobStatusNames.All, ApiJson.Options);

    public static Task<IResult> StdoutAsync(Guid id, HttpContext context, JobStore jobs, JobLogStore logs, CancellationToken cancellationToken) =>
        LogAsync(id, JobLogStream.Stdout, context, jobs, logs, cancellationToken);

    public static Task<IResult> StderrAsync(Guid id, HttpContext context, JobStore jobs, JobLogStore logs, CancellationToken cancellationToken) =>
        LogAsync(id, JobLogStream.Stderr, context, jobs, logs, cancellationToken);

    private static async Task<IResult> LogAsync(
        Guid id, JobLogStream stream, HttpContext context, JobStore jobs, JobLogStore logs, CancellationToken cancellationToken)
    {
        if (await jobs.FindAsync(id, cancellationToken) is null)
        {
            return Problem.UnknownJob(id);
        }
        context.Response.ContentType = "text/plain; charset=utf-8";
        await foreach (var lines in logs.ReadAsync(id, stream, cancellationToken))
        {
            await context.Response.BodyWriter.WriteAsync(Encoding.UTF8.GetBytes(lines), cancellationToken);
        }
        return Results.Empty;
    }
}

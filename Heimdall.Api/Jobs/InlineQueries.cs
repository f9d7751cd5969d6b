using System.Collections.Concurrent;
using System.Text.Json;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Results;
using Heimdall.Core.Running;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Runs queries within their request and streams the rows into the reply: the job's members, then
/// <c>result: {columns, data}</c>, then the members that say how it ended. A reply that broke off after its first bytes has
/// <c>status: FAILED</c> and <c>error</c> as its last members; one that broke before has a status of its own.
/// </summary>
internal sealed class InlineQueries(JobSubmitter submitter, IInlineRunner runner, ServerConfig config)
{
    private readonly ConcurrentDictionary<string, int> _running = new(StringComparer.Ordinal);

    public async Task<IResult> RunAsync(HttpContext context, Job prepared)
    {
        if (_running.AddOrUpdate(prepared.User, 1, (_, count) => count + 1) > config.MaxInlinePerCaller)
        {
            Leave(prepared.User);
            context.Response.Headers.RetryAfter = "1";
            return Problem.Of(
                StatusCodes.Status429TooManyRequests, "too-many-queries", "Too many queries are running.",
                $"User '{prepared.User}' has {config.MaxInlinePerCaller} queries running, as many as this server allows.");
        }
        try
        {
            return await StreamAsync(context, prepared);
        }
        finally
        {
            Leave(prepared.User);
        }
    }

    private async Task<IResult> StreamAsync(HttpContext context, Job prepared)
    {
        var job = await submitter.RecordInlineAsync(prepared, context.RequestAborted);
        context.Response.ContentType = "application/json; charset=utf-8";
        await using var writer = new JsonResultWriter(context.Response.BodyWriter) { Head = json => WriteHead(json, job) };
        var ended = await runner.RunAsync(job, writer, context.RequestAborted);
        if (context.RequestAborted.IsCancellationRequested)
        {
            return Results.Empty;
        }
        if (ended is null || (ended.Status != JobStatus.Succeeded && !writer.HasSent))
        {
            return Problem.OfJob(ended ?? job);
        }
        await writer.EndRowsAsync(context.RequestAborted);
        WriteTail(writer, ended);
        await writer.SendAsync(context.RequestAborted);
        return Results.Empty;
    }

    private static void WriteHead(Utf8JsonWriter json, Job job)
    {
        var view = JobView.Of(job) with { Status = null, UpdatedAt = null };
        json.WriteStartObject();
        foreach (var member in JsonSerializer.SerializeToElement(view, ApiJson.Options).EnumerateObject())
        {
            member.WriteTo(json);
        }
        json.WriteStartObject("result");
    }

    private static void WriteTail(JsonResultWriter writer, Job job)
    {
        var json = writer.Json;
        json.WriteEndObject();
        if (job.Progress.RowsAffected is { } affected)
        {
            json.WriteNumber("rows_affected", affected);
        }
        json.WriteNumber("row_count", writer.RowCount);
        json.WriteBoolean("truncated", job.Progress.Truncated ?? false);
        json.WriteString("finished_at", ApiJson.ToText(job.FinishedAt ?? job.UpdatedAt));
        json.WriteString("updated_at", ApiJson.ToText(job.UpdatedAt));
        json.WriteString("status", job.Status.ToName());
        if (job.Failure is { } failure)
        {
            json.WriteString("error", failure.Message);
            if (failure.SqlState is { } sqlState)
            {
                json.WriteString("sqlstate", sqlState);
            }
        }
        json.WriteEndObject();
    }

    private void Leave(string user)
    {
        // A user without running queries leaves no entry behind.
        if (_running.AddOrUpdate(user, 0, (_, count) => count - 1) == 0)
        {
            _running.TryRemove(new(user, 0));
        }
    }
}

using Heimdall.Api.Formats;
using Heimdall.Api.Problems;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Running;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Runs queries within their request and streams the rows into the reply, in the format that the caller likes best. A query that
/// fails before the first bytes are sent is answered with a problem; later the reply itself ends in a way that says so.
/// </summary>
internal sealed class InlineQueries(IInlineRunner runner, InlineSlots slots, ServerConfig config)
{
    /// <summary>Names the job in a reply whose format may have no place for it.</summary>
    private const string JobIdHeader = "Heimdall-Job-Id";

    /// <param name="context">The request.</param>
    /// <param name="prepared">The query.</param>
    /// <param name="key">Under which it is recorded; null for none.</param>
    /// <param name="answerTakenAsync">Answers when the key turns out to be taken.</param>
    /// <param name="format">That of the rows.</param>
    public Task<IResult> RunAsync(
        HttpContext context, PreparedJob prepared, IdempotencyKey? key, Func<Task<IResult>> answerTakenAsync, ResultFormat format) =>
        slots.TakeAsync(context, prepared.Job.User, prepared.Job.ClusterId, () => StreamAsync(context, prepared, key, answerTakenAsync, format));

    private async Task<IResult> StreamAsync(
        HttpContext context, PreparedJob prepared, IdempotencyKey? key, Func<Task<IResult>> answerTakenAsync, ResultFormat format)
    {
        var recorded = key is null
            ? await runner.RecordAsync(prepared.Job, prepared.Plan, context.RequestAborted)
            : await runner.RecordAsync(prepared.Job, key, context.RequestAborted);
        if (recorded is not { } job)
        {
            return await answerTakenAsync();
        }
        using var writer = format.CreateWriter(new ReplyOutput(context, config.StalledClientTimeout), new ResultOpening
        {
            Members = () => JobView.MembersBeforeRows(job),
            OnFirstSend = () => SetHeaders(context.Response, format, job.Id),
        });
        var ended = await runner.RunAsync(job, prepared.Plan, writer, context.RequestAborted);
        if (context.RequestAborted.IsCancellationRequested)
        {
            return Results.Empty;
        }
        if (!writer.HasSent && ended.Status != JobStatus.Succeeded)
        {
            return Problem.OfJob(ended);
        }
        var ending = new ResultEnding
        {
            Status = ended.Status,
            Truncated = ended.Progress.Truncated ?? false,
            RowsAffected = ended.Progress.RowsAffected,
            FinishedAt = ended.FinishedAt ?? ended.UpdatedAt,
            UpdatedAt = ended.UpdatedAt,
            Failure = ended.Failure,
        };
        await writer.EndAsync(ending, context.RequestAborted);
        return Results.Empty;
    }

    public static void SetHeaders(HttpResponse response, ResultFormat format, Guid id)
    {
        response.ContentType = format.ContentType;
        response.Headers[JobIdHeader] = id.ToString();
    }
}

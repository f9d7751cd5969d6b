using Heimdall.Api.Formats;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Jobs;

/// <summary>
/// <c>GET</c> and <c>HEAD /api/v1/job/{id}/result</c>: what a queued job left, or a page of it; and the list of its
/// chunks, <c>/result/chunks</c>.
/// </summary>
internal sealed class ReadResult(
    JobStore jobs, FanOuts fanOuts, ResultStore results, ResultsConfig config, ResultReplies replies, JobWait wait,
    StoreClock time)
{
    public static Task<IResult> HandleAsync(
        Guid id, HttpContext context, ReadResult reading, CancellationToken cancellationToken) =>
        reading.PageAsync(id, context, cancellationToken);

    public static Task<IResult> HandleChunksAsync(
        Guid id, HttpContext context, ReadResult reading, CancellationToken cancellationToken) =>
        reading.ChunksAsync(id, context, cancellationToken);

    private Task<IResult> PageAsync(Guid id, HttpContext context, CancellationToken cancellationToken) => AnswerAsync(
        id, context, ResultPageReader.Read(context.Request.Query),
        (job, result, page, format) => replies.SendAsync(context, job, result, page, format), cancellationToken);

    private Task<IResult> ChunksAsync(Guid id, HttpContext context, CancellationToken cancellationToken) => AnswerAsync(
        id, context, ResultPageReader.ReadChunks(context.Request.Query),
        (job, result, page, format) => replies.ListChunksAsync(context, job, result, page.Limit!.Value, format),
        cancellationToken);

    private async Task<IResult> AnswerAsync(
        Guid id,
        HttpContext context,
        ResultPageRequest request,
        Func<Job, StoredResult, ResultPage, ResultFormat, Task<IResult>> answerAsync,
        CancellationToken cancellationToken)
    {
        if (request.Problems.Count > 0)
        {
            return Problem.Invalid(request.Problems);
        }
        if ((request.Format ?? ResultFormat.Negotiate(context.Request)) is not { } format)
        {
            return Problem.NotAcceptable();
        }
        if (await jobs.FindAsync(id, cancellationToken) is not { } job || !context.Sees(job))
        {
            return Problem.UnknownJob(id);
        }
        if (!await context.Caller().Rights.SeesChildrenAsync(fanOuts, job, cancellationToken))
        {
            return Problem.NotFound(ParentAccess.Hidden);
        }
        job = await wait.AsPreferredAsync(context, job, Preferences.Read(context.Request), cancellationToken);
        if (!job.Status.IsFinal())
        {
            context.Response.Headers.RetryAfter = SubmitJob.PollInterval;
        }
        // What an attempt that did not succeed has stored so far is nobody's result.
        var isPartial = request.IsPartial && job.FanOut is not null && job.Status.IsFinal();
        if ((job.Status != JobStatus.Succeeded && !isPartial)
            || await results.FindAsync(job, config, cancellationToken) is not { } result)
        {
            return Problem.NotFound(WhyNotStored(job, config));
        }
        if (result.MissingOn is { } cluster)
        {
            return Problem.NotFound(WhyMissing(cluster));
        }
        if (IsGone(result))
        {
            return Gone(id, result);
        }
        if (result.Mismatch is { } mismatch)
        {
            return ColumnsDiffer(id, mismatch);
        }
        try
        {
            return await answerAsync(job, result, request.Page, format);
        }
        catch (ResultStorageException) when (!context.Response.HasStarted)
        {
            // Its time may have come since it was found.
            if (await results.FindAsync(job, config, cancellationToken) is { } now && !IsGone(now))
            {
                throw;
            }
            context.Response.Clear();
            return Gone(id, result);
        }
    }

    private bool IsGone(StoredResult result) => result.IsDropped || result.ExpiresAt <= time.GetUtcNow().UtcDateTime;

    public static ProblemHttpResult Gone(Guid id, StoredResult result) => Problem.Of(
        StatusCodes.Status410Gone, "expired", "The result is gone.", $"The result of job {id} was kept until {ApiJson.ToText(result.ExpiresAt)}.");

    /// <summary>409 for a parent whose children have results that cannot be put together.</summary>
    public static ProblemHttpResult ColumnsDiffer(Guid id, string mismatch) => Problem.Of(
        StatusCodes.Status409Conflict, "columns-differ", "The results of the clusters cannot be put together.",
        $"{mismatch} GET /api/v1/jobs?parent={id} lists them.", new() { ["id"] = id });

    /// <summary>Of a parent one of whose children has left no rows, although it has succeeded.</summary>
    public static string WhyMissing(string cluster) =>
        $"No result was stored on cluster '{cluster}': its worker stores none (results.enabled). The children of other "
        + "clusters have their own.";

    public static string WhyNotStored(Job job, ResultsConfig config) => job switch
    {
        { IsSync: true } => "The rows of an inline query are in its reply and are not stored. Submit it with 'Prefer: respond-async' to have them kept.",
        { Status: JobStatus.Succeeded } when !config.Enabled => "Results are switched off on this server (results.enabled).",
        { Status: JobStatus.Succeeded } => "No result was stored.",
        { FanOut.Succeeded: > 0 and var some, Status: JobStatus.Failed or JobStatus.Canceled or JobStatus.Killed } =>
            $"The job ended {job.Status.ToName()}. {some} of its {job.FanOut.Total} children succeeded: "
            + $"?{ResultPageReader.Partial}=true gives their rows alone.",
        { Status: JobStatus.Failed or JobStatus.Canceled or JobStatus.Killed } => $"The job ended {job.Status.ToName()}; it has no result. GET /api/v1/job/{job.Id} says why.",
        _ => $"The job is {job.Status.ToName()}; its result can be read once it has ended.",
    };
}

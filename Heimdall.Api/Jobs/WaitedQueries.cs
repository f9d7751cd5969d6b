using Heimdall.Api.Formats;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Queries with <c>Prefer: wait=N</c>: the rows within N seconds, as an inline query has them; else 202, and the query
/// goes on as a job whose result is stored. It is a job of the queue from the start, so that nothing has to be handed over.
/// </summary>
internal sealed class WaitedQueries(
    JobWait wait, FanOuts fanOuts, ResultStore results, ResultReplies replies, ResultsConfig config)
{
    /// <summary>
    /// Whether a job is one. Where no results are stored there is none: the query is run inline, to its end. Nor is one
    /// that somebody has to approve: nobody waits so long for rows.
    /// </summary>
    public bool IsOne(Job job, Preferences preferences) =>
        job is { ReturnResult: true, IsSync: false, Approval: null }
        && preferences is { RespondAsync: false, Wait: not null } && config.Enabled;

    /// <summary>Why a request can say nothing of the time after its wait; null where it can.</summary>
    public ContextProblem? FindProblem(Job job, Preferences preferences)
    {
        var isInline = job is { ReturnResult: true, Approval: null } && !preferences.RespondAsync && !config.Enabled;
        return preferences.Wait is null ? new("on_wait_timeout", "Goes only with the header 'Prefer: wait=N'.")
            : isInline ? new("on_wait_timeout", "Goes only where results are stored, and this server stores none (results.enabled).")
            : null;
    }

    public async Task<IResult> AnswerAsync(
        HttpContext context, Job queued, Preferences preferences, CancellationToken cancellationToken)
    {
        if (ResultFormat.Negotiate(context.Request) is not { } format)
        {
            return Problem.NotAcceptable(); // sent again with another Accept
        }
        var job = await wait.AsPreferredAsync(context, queued, preferences, cancellationToken);
        if (!job.Status.IsFinal())
        {
            return SubmitJob.Accepted(context, job);
        }
        // Of one that is sent again much later the caller may not see all any more.
        if (!await context.Caller().Rights.SeesChildrenAsync(fanOuts, job, cancellationToken))
        {
            return Problem.NotFound(ParentAccess.Hidden);
        }
        if (job.Status != JobStatus.Succeeded)
        {
            return Problem.OfJob(job);
        }
        return await results.FindAsync(job, config, cancellationToken) switch
        {
            null => Problem.NotFound(ReadResult.WhyNotStored(job, config)),
            { MissingOn: { } cluster } => Problem.NotFound(ReadResult.WhyMissing(cluster)),
            { Mismatch: { } mismatch } => ReadResult.ColumnsDiffer(job.Id, mismatch),
            { IsDropped: true } result => ReadResult.Gone(job.Id, result), // the same request was sent again much later
            var result => await replies.SendWithJobAsync(context, job, result, format),
        };
    }
}

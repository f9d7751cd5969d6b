using Heimdall.Api.Formats;
using Heimdall.Api.Hooks;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Hooks;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Secrets;
using Heimdall.Core.Submission;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Jobs;

/// <summary><c>POST /api/v1/job</c>: runs a query at once, or puts a job into the queue.</summary>
internal static class SubmitJob
{
    /// <summary>Seconds that a client should wait before it asks again; most queued jobs have started by then.</summary>
    public const string PollInterval = "1";

    public static async Task<IResult> HandleAsync(
        HttpContext context,
        JobSubmitter submitter,
        JobPredecessors predecessors,
        JobWait wait,
        InlineQueries inline,
        WaitedQueries waited,
        DryRuns dryRuns,
        HookBook hooks,
        StoreClock clock,
        IdempotentReplies replies,
        SecretFingerprints fingerprints,
        CancellationToken cancellationToken)
    {
        if (!context.Request.HasJsonContentType())
        {
            return Problem.NotJson("job");
        }
        using var body = await JsonBody.ParseAsync(context.Request.Body, cancellationToken);
        var preferences = Preferences.Read(context.Request) with
        {
            CancelsAfterWait = SubmitJobRequestReader.CancelsAfterWait(body.RootElement),
        };
        var (key, wrongKey) = await IdempotencyHeader.ReadAsync(
            context, body.RootElement, fingerprints, cancellationToken);
        if (wrongKey is not null)
        {
            return Problem.Invalid([wrongKey]);
        }
        Task<IResult> AnswerAgainAsync(IReadOnlyList<Job> first) => waited.IsOne(first[0], preferences)
            ? waited.AnswerAsync(context, first[0], preferences, cancellationToken)
            : AnswerQueuedAsync(context, wait, first[0], preferences, cancellationToken);
        // Before anything is judged: what was right then may be wrong by now.
        if (key is not null && await replies.FindAsync(context, key, AnswerAgainAsync, cancellationToken) is { } replayed)
        {
            return replayed;
        }
        var (request, problems) = SubmitJobRequestReader.Read(body.RootElement, SubmitJobValidator.OfJob, clock);
        if (request is null || problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        problems.AddAll(OnEndField.FindUnknown(request.Hooks, hooks, context.Caller(), OnEndField.Name));
        if (problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        if (RoutingProblem.OfEmptyCriteria(request) is { } empty)
        {
            return RoutingProblem.Of(context, RoutingOutcome.NoMatch, empty);
        }
        var submission = request.ToSubmission(context.Caller());
        if (request.DryRun == true)
        {
            return await dryRuns.RunAsync(context, submission, cancellationToken);
        }
        var (routing, prepared) = submitter.Prepare(submission);
        if (prepared is null)
        {
            return RoutingProblem.Of(context, routing.Outcome, routing.Reason!);
        }
        if (request.FindProblem(routing.Command!) is { } tooHigh)
        {
            return Problem.Invalid([tooHigh]);
        }
        if (request.OnWaitTimeout is not null && waited.FindProblem(prepared.Job, preferences) is { } noWait)
        {
            return Problem.Invalid([noWait]);
        }
        Task<IResult> AnswerTakenAsync() => replies.AnswerTakenAsync(context, key!, AnswerAgainAsync, cancellationToken);
        var isWaited = waited.IsOne(prepared.Job, preferences);
        if (isWaited && ResultFormat.Negotiate(context.Request) is null)
        {
            return Problem.NotAcceptable();
        }
        var mustWait = prepared.Job.Approval is not null;
        if (mustWait && prepared.Job.ReturnResult && preferences is { RespondAsync: false, Wait: null })
        {
            return Problem.Of(
                StatusCodes.Status422UnprocessableEntity, "approval-required", "Somebody has to approve the query.",
                $"Command '{routing.Command!.Name}' asks for an approval, and a query cannot wait for it within its "
                + "request. Send it with the header 'Prefer: respond-async': then it is a job whose rows are stored.");
        }
        if (prepared.Job.ReturnResult && !preferences.RespondAsync && !isWaited && !mustWait)
        {
            if (request.FindQueueFields().ToArray() is { Length: > 0 } misplaced)
            {
                return Problem.Invalid(misplaced);
            }
            return ResultFormat.Negotiate(context.Request) is { } format
                ? await inline.RunAsync(context, prepared, key, AnswerTakenAsync, format)
                : Problem.NotAcceptable();
        }
        var unknown = await FindUnknownAsync(
            predecessors, context.Caller(), [request.Predecessors], inArray: false, cancellationToken);
        if (unknown.Count > 0)
        {
            return Problem.Invalid(unknown);
        }
        return await EnqueueAsync(
                context, submitter, prepared.All, key,
                queued => isWaited
                    ? waited.AnswerAsync(context, queued, preferences, cancellationToken)
                    : AnswerQueuedAsync(context, wait, queued, preferences, cancellationToken),
                cancellationToken)
            ?? await AnswerTakenAsync();
    }

    /// <summary>Names each job in <c>after</c> that there is not, or that the caller may not see.</summary>
    /// <param name="predecessors">Looks for them.</param>
    /// <param name="caller">Who names them.</param>
    /// <param name="after">Of each job of the request, in its order.</param>
    /// <param name="inArray">Whether the request is an array of jobs.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public static async Task<List<ContextProblem>> FindUnknownAsync(
        JobPredecessors predecessors, Caller caller, IReadOnlyList<IReadOnlyList<AfterEntry>> after, bool inArray,
        CancellationToken cancellationToken)
    {
        Guid[] named = [.. after.SelectMany(entries => entries).Where(entry => entry.Job is not null).Select(entry => entry.Job!.Value).Distinct()];
        var unknown = named.Length == 0
            ? []
            : (await predecessors.FindUnknownAsync(named, caller.Rights.Jobs, cancellationToken)).ToHashSet();
        return [.. after.Index().SelectMany(job => job.Item.Index()
            .Where(entry => entry.Item.Job is { } id && unknown.Contains(id))
            .Select(entry => new ContextProblem(
                $"{(inArray ? $"[{job.Index}]." : "")}after[{entry.Index}]", $"There is no job {entry.Item.Job}.")))];
    }

    /// <summary>
    /// Records a job, or a parent before its children, and puts it into the queue, and waits for its end if the caller
    /// would.
    /// </summary>
    /// <returns>Null when the key is taken.</returns>
    public static Task<IResult?> EnqueueAsync(
        HttpContext context, JobSubmitter submitter, JobWait jobWait, IReadOnlyList<Job> jobs, IdempotencyKey? key,
        Preferences preferences, CancellationToken cancellationToken) =>
        EnqueueAsync(
            context, submitter, jobs, key,
            queued => AnswerQueuedAsync(context, jobWait, queued, preferences, cancellationToken), cancellationToken);

    private static async Task<IResult?> EnqueueAsync(
        HttpContext context, JobSubmitter submitter, IReadOnlyList<Job> jobs, IdempotencyKey? key,
        Func<Job, Task<IResult>> answerAsync, CancellationToken cancellationToken)
    {
        var user = jobs[0].User;
        if (await submitter.IsQueueFullAsync(user, jobs.Count(job => job.FanOut is null), cancellationToken))
        {
            return QueueFull(context, $"User '{user}' has as many jobs in the queue as this server allows.");
        }
        return await submitter.EnqueueAsync(jobs, key, cancellationToken) is [var queued, ..]
            ? await answerAsync(queued)
            : null;
    }

    /// <summary>Tells of a job in the queue, waiting for its end if asked to: once it is recorded, and again to who sends the same once more.</summary>
    private static async Task<IResult> AnswerQueuedAsync(
        HttpContext context, JobWait jobWait, Job queued, Preferences preferences, CancellationToken cancellationToken)
    {
        if (preferences.RespondAsync)
        {
            context.Response.Headers.Append("Preference-Applied", "respond-async");
        }
        queued = await jobWait.AsPreferredAsync(context, queued, preferences, cancellationToken);
        return preferences.Wait is not null && queued.Status.IsFinal()
            ? TypedResults.Json(JobView.Of(queued), ApiJson.Options)
            : Accepted(context, queued);
    }

    /// <summary>202: the job is in the queue, and where to ask for it.</summary>
    public static JsonHttpResult<JobView> Accepted(HttpContext context, Job queued)
    {
        context.Response.Headers.RetryAfter = PollInterval;
        context.Response.Headers.Location = context.Request.PublicPathOf($"/api/v1/job/{queued.Id}");
        return TypedResults.Json(JobView.Of(queued), ApiJson.Options, statusCode: StatusCodes.Status202Accepted);
    }

    /// <summary>429 for a caller who has had enough jobs queued.</summary>
    public static ProblemHttpResult QueueFull(HttpContext context, string detail)
    {
        context.Response.Headers.RetryAfter = "10";
        return Problem.Of(StatusCodes.Status429TooManyRequests, "too-many-jobs", "Too many jobs are waiting.", detail);
    }
}

using System.Text.Json;
using Heimdall.Api.Hooks;
using Heimdall.Api.Problems;
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

/// <summary><c>POST /api/v1/jobs</c>: puts many jobs into the queue, all of them or none.</summary>
internal static class SubmitJobs
{
    private const int MostJobs = 1000;

    public static async Task<IResult> HandleAsync(
        HttpContext context, JobSubmitter submitter, JobPredecessors predecessors, IdempotentReplies replies,
        HookBook hooks, StoreClock clock, SecretFingerprints fingerprints, CancellationToken cancellationToken)
    {
        if (!context.Request.HasJsonContentType())
        {
            return Problem.NotJson("jobs");
        }
        using var body = await JsonBody.ParseAsync(context.Request.Body, cancellationToken);
        if (body.RootElement.ValueKind != JsonValueKind.Array || body.RootElement.GetArrayLength() is < 1 or > MostJobs)
        {
            return Problem.Invalid([new("body", Invariant($"Must be a JSON array of 1 to {MostJobs:N0} jobs{TellCount(body.RootElement)}."))]);
        }
        var (key, wrongKey) = await IdempotencyHeader.ReadAsync(
            context, body.RootElement, fingerprints, cancellationToken);
        if (wrongKey is not null)
        {
            return Problem.Invalid([wrongKey]);
        }
        Task<IResult> AnswerAgainAsync(IReadOnlyList<Job> first) => Task.FromResult<IResult>(Answer(context, first));
        if (key is not null && await replies.FindAsync(context, key, AnswerAgainAsync, cancellationToken) is { } replayed)
        {
            return replayed;
        }
        var (jobs, after, refusal) = Prepare(context, body.RootElement, submitter, hooks, clock, cancellationToken);
        if (refusal is not null)
        {
            return refusal;
        }
        var unknown = await SubmitJob.FindUnknownAsync(
            predecessors, context.Caller(), after, inArray: true, cancellationToken);
        if (unknown.Count > 0)
        {
            return Problem.Invalid(unknown);
        }
        var user = jobs[0].User;
        var queuedJobs = jobs.Count(job => job.FanOut is null);
        if (await submitter.IsQueueFullAsync(user, queuedJobs, cancellationToken))
        {
            return SubmitJob.QueueFull(
                context,
                $"With these {queuedJobs}, user '{user}' would have more jobs in the queue than this server allows. "
                + "None was recorded.");
        }
        return await submitter.EnqueueAsync(jobs, key, cancellationToken) is { } queued
            ? Answer(context, [.. queued.Where(job => job.ParentId is null)])
            : await replies.AnswerTakenAsync(context, key!, AnswerAgainAsync, cancellationToken);
    }

    /// <summary>Reads and routes all of them, so that what is wrong with any is named at once.</summary>
    private static (IReadOnlyList<Job> Jobs, List<IReadOnlyList<AfterEntry>> After, IResult? Refusal) Prepare(
        HttpContext context, JsonElement body, JobSubmitter submitter, HookBook hooks, StoreClock clock,
        CancellationToken cancellationToken)
    {
        var caller = context.Caller();
        var prepared = new List<PreparedJob>();
        var after = new List<IReadOnlyList<AfterEntry>>();
        var invalid = new FaultList();
        var unmatched = new List<(RoutingOutcome Outcome, ContextProblem Problem)>();
        var (count, bytes) = (0, 0L);
        foreach (var (index, element) in body.EnumerateArray().Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var place = Invariant($"[{index}]");
            var (request, problems) = SubmitJobRequestReader.Read(
                element, SubmitJobValidator.OfJob, clock, place, body.GetArrayLength());
            if (request?.DryRun is not null)
            {
                problems.Add(new($"{place}.dry_run", "Goes only with a single job: POST /api/v1/job."));
            }
            if (request?.OnWaitTimeout is not null)
            {
                problems.Add(new($"{place}.on_wait_timeout", "Goes only with a single job: POST /api/v1/job."));
            }
            problems.AddAll(OnEndField.FindUnknown(
                request?.Hooks ?? [], hooks, caller, $"{place}.{OnEndField.Name}"));
            invalid.AddAll(problems);
            if (request is null || problems.Count > 0)
            {
                continue;
            }
            if (RoutingProblem.OfEmptyCriteria(request) is { } empty)
            {
                unmatched.Add((RoutingOutcome.NoMatch, new(place, empty)));
                continue;
            }
            try
            {
                var (routing, one) = submitter.Prepare(request.ToSubmission(caller));
                if (one is null)
                {
                    unmatched.Add((routing.Outcome, new(place, routing.Reason!)));
                    continue;
                }
                if (request.FindProblem(routing.Command!, place) is { } tooHigh)
                {
                    invalid.Add(tooHigh);
                }
                prepared.Add(one);
                after.Add(request.Predecessors);
                (count, bytes) = (count + 1 + one.Children.Count, bytes + one.ContextBytes);
                if (count > MostJobs || bytes > JobSubmitter.MostContextBytes)
                {
                    // All that follows is left alone: it might be as much again.
                    invalid.Add(new("body", bytes > JobSubmitter.MostContextBytes
                        ? $"With the jobs of each cluster these have {JobSubmitter.TellTooLarge(bytes)}"
                        : Invariant(
                            $"With the jobs of each cluster these are more than {MostJobs:N0}, the most at once.")));
                    break;
                }
            }
            catch (JobRefusedException refused)
            {
                invalid.AddAll(refused, $"{place}.");
            }
        }
        IReadOnlyList<Job> jobs = [.. prepared.Select(one => one.Job)];
        jobs = invalid.Count + unmatched.Count == 0 ? AfterField.Resolve(jobs, after, invalid) : jobs;
        IReadOnlyList<Job> all = [.. prepared.Zip(jobs, (one, job) => one.WithChildren(job)).SelectMany(one => one)];
        return (all, after, Refuse(context, invalid, unmatched));
    }

    /// <summary>One problem that names every fault by its place; what asking again cannot mend decides the status.</summary>
    private static ProblemHttpResult? Refuse(
        HttpContext context, FaultList invalid, List<(RoutingOutcome Outcome, ContextProblem Problem)> unmatched)
    {
        if (invalid.Count > 0)
        {
            invalid.AddAll(unmatched.Select(miss => miss.Problem));
            return Problem.Invalid(invalid);
        }
        if (unmatched.Count == 0)
        {
            return null;
        }
        RoutingOutcome[] worstFirst = [RoutingOutcome.NoMatch, RoutingOutcome.NotAllowed, RoutingOutcome.Unhealthy];
        invalid.AddAll(unmatched.Select(miss => miss.Problem));
        var (detail, members) = Problem.Describe(invalid);
        return RoutingProblem.Of(
            context, worstFirst.First(outcome => unmatched.Exists(miss => miss.Outcome == outcome)), detail, members);
    }

    private static JsonHttpResult<IEnumerable<JobView>> Answer(HttpContext context, IReadOnlyList<Job> queued)
    {
        context.Response.Headers.RetryAfter = SubmitJob.PollInterval;
        return TypedResults.Json(queued.Select(JobView.Of), ApiJson.Options, statusCode: StatusCodes.Status202Accepted);
    }

    private static string TellCount(JsonElement body) => body.ValueKind == JsonValueKind.Array ? Invariant($"; these are {body.GetArrayLength():N0}") : "";

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}

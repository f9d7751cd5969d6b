using System.ComponentModel.DataAnnotations;
using Heimdall.Api.Callers;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Jobs;

/// <summary>
/// <c>POST /api/v1/job/{id}/approve</c> and <c>/refuse</c>: what becomes of a job that waits for somebody's approval.
/// </summary>
internal static class DecideJob
{
    public const int MaxReason = 2000;

    public static async Task<IResult> ApproveAsync(
        Guid id, HttpContext context, JobStore jobs, JobApprover approver, CancellationToken cancellationToken) =>
        await jobs.RefuseAsync(context, id, Right.DecideJobs, cancellationToken) is { } refusal
            ? refusal
            : await DecideAsync(id, context, user => approver.ApproveAsync(id, user, cancellationToken));

    public static async Task<IResult> RefuseAsync(
        Guid id, HttpContext context, JobStore jobs, JobApprover approver, CancellationToken cancellationToken)
    {
        if (await jobs.RefuseAsync(context, id, Right.DecideJobs, cancellationToken) is { } refusal)
        {
            return refusal;
        }
        if (!context.Request.HasJsonContentType())
        {
            return Problem.NotJson("body");
        }
        var fields = await JsonFields.ReadAsync(context.Request, cancellationToken);
        var reason = fields.Text("reason")?.Trim();
        if (FindProblem(reason) is { } wrong)
        {
            fields.Add("reason", wrong);
        }
        return fields.Problems() is { Count: > 0 } problems
            ? Problem.Invalid(problems)
            : await DecideAsync(
                id, context, user => approver.RefuseAsync(id, user, reason!, cancellationToken));
    }

    /// <summary>What is wrong with a reason; null where it is none.</summary>
    public static string? FindProblem(string? reason) =>
        string.IsNullOrWhiteSpace(reason) ? "Is required: it is what the owner of the job learns."
        : reason.Length > MaxReason ? $"At most {MaxReason} characters."
        : null;

    private static async Task<IResult> DecideAsync(
        Guid id, HttpContext context, Func<string, Task<JobDecision?>> decideAsync) =>
        await decideAsync(context.CallerName()) switch
        {
            null => Problem.UnknownJob(id),
            { Reason: null, Job: var job } => TypedResults.Json(JobView.Of(job), ApiJson.Options),
            { IsForbidden: true, Reason: { } why } => RightsGate.Refuse(Right.DecideJobs, why),
            { Reason: { } why, Job: var job } => Problem.Of(
                StatusCodes.Status409Conflict, "not-waiting", "The job does not wait for an approval.", why,
                new() { ["id"] = id, ["status_of_job"] = job.Status.ToName() }),
        };
}

/// <summary>The body of <c>POST …/refuse</c>, for its description.</summary>
internal sealed record RefuseJobRequest([property: Required, MaxLength(DecideJob.MaxReason)] string Reason);

using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Running;

namespace Heimdall.Api.Jobs;

/// <summary><c>GET /api/v1/job/{id}/attempts</c>: how often a job was run, by whom, and how each time ended.</summary>
internal static class ReadAttempts
{
    public static async Task<IResult> HandleAsync(
        Guid id, HttpContext context, JobStore jobs, AttemptHistory history, CancellationToken cancellationToken) =>
        await jobs.FindAsync(id, cancellationToken) is { } job && context.Sees(job)
            ? TypedResults.Json((await history.ReadAsync(job, cancellationToken)).Select(found => AttemptView.Of(found.Attempt, found.Session)), ApiJson.Options)
            : Problem.UnknownJob(id);
}

/// <summary>An attempt as callers see it. What does not apply, or is not known, is absent.</summary>
internal sealed record AttemptView
{
    public required int Attempt { get; init; }

    public string? Worker { get; init; }

    public int? Pid { get; init; }

    public string? Xid { get; init; }

    public required DateTime StartedAt { get; init; }

    public DateTime? FinishedAt { get; init; }

    public string? Outcome { get; init; }

    public string? Error { get; init; }

    public string? Sqlstate { get; init; }

    public string? Detail { get; init; }

    public static AttemptView Of(JobAttempt attempt, AttemptSession? session) => new()
    {
        Attempt = attempt.Number,
        Worker = attempt.Worker.Length > 0 ? attempt.Worker : null,
        Pid = session?.Pid,
        Xid = session?.Xid,
        StartedAt = attempt.StartedAt,
        FinishedAt = attempt.FinishedAt,
        Outcome = attempt.Outcome?.Replace(' ', '_'),
        Error = attempt.Error,
        Sqlstate = attempt.SqlState,
        Detail = attempt.Detail,
    };
}

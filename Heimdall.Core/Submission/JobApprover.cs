using Heimdall.Core.Audit;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;

namespace Heimdall.Core.Submission;

/// <summary>Approves jobs that wait for it, and refuses them. A parent is decided on with its children.</summary>
public sealed class JobApprover(
    JobStore jobs, QueueEntries entries, LiveCatalog catalog, JobMetrics metrics, AuditLog audit, HeimdallConfig config)
{
    /// <summary>Lets a job get into the queue.</summary>
    /// <returns>The job as it stands, and why it was not approved; null when there is no such job.</returns>
    public Task<JobDecision?> ApproveAsync(Guid id, string user, CancellationToken cancellationToken) =>
        DecideAsync(id, user, refusal: null, cancellationToken);

    /// <summary>Ends a job.</summary>
    /// <returns>The job as it stands, and why it was not refused; null when there is no such job.</returns>
    public async Task<JobDecision?> RefuseAsync(
        Guid id, string user, string reason, CancellationToken cancellationToken)
    {
        var decision = await DecideAsync(
            id, user, $"Refused by {user}: {reason} It never ran.", cancellationToken);
        if (decision is { Reason: null, Decided: var decided, Job: var job })
        {
            metrics.Ended(job, ran: null);
            await entries.TryCloseAsync(id, CancellationToken.None);
            // The entries of children are closed by the keeper: nobody waits for a thousand of them.
            await metrics.CountEndsAsync(
                jobs, [.. decided.Where(child => child != id)], CancellationToken.None);
        }
        return decision;
    }

    /// <summary>Why somebody may not decide on a job, whatever their role is; null where they may.</summary>
    public string? FindProblem(Job job, string user) => job switch
    {
        { Approval: null } => $"Job {job.Id} needs no approval.",
        _ when !config.Auth.IsConfigured =>
            "Nobody can decide on a job where auth is not configured: callers are who they say they are.",
        _ when job.User.Equals(user, StringComparison.OrdinalIgnoreCase) =>
            $"Job {job.Id} is your own: somebody else has to decide on it.",
        _ when job.Approval.AskedBy.Contains(user, StringComparer.OrdinalIgnoreCase) =>
            $"You have asked for job {job.Id}: somebody else has to decide on it.",
        _ when catalog.Current.FindCommandOfJob(job.CommandId)?.Approval?.IsFor(user) == false =>
            $"You are not among the approvers of command '{job.CommandId}'.",
        _ => null,
    };

    private async Task<JobDecision?> DecideAsync(
        Guid id, string user, string? refusal, CancellationToken cancellationToken)
    {
        if (await jobs.FindAsync(id, cancellationToken) is not { } job)
        {
            return null;
        }
        if (FindProblem(job, user) is { } problem)
        {
            return new JobDecision(job, [], problem) { IsForbidden = job.Approval is not null };
        }
        var decided = await audit.InTransactionAsync(
            async connection =>
            {
                var changed = await JobStore.DecideAsync(connection, id, user, refusal, cancellationToken);
                if (changed.Count > 0 && job.Approval?.Content is { } content)
                {
                    await audit.RecordMoreAsync(connection, $"job/{id}/sha256/{content.Sha256}", cancellationToken);
                }
                return changed;
            },
            changed => changed.Count > 0,
            cancellationToken);
        job = await jobs.FindAsync(id, cancellationToken) ?? job;
        return new JobDecision(job, decided, decided.Count > 0 ? null : WhyNot(job));
    }

    private static string WhyNot(Job job) => job switch
    {
        { ParentId: { } parent, Status: JobStatus.WaitingForApproval } =>
            $"Job {job.Id} is a part of job {parent}: decide on that one.",
        { Status: JobStatus.WaitingForApproval } => $"Job {job.Id} has waited too long, and is about to end.",
        { Approval.DecidedBy: { } by, Status: not JobStatus.Canceled } =>
            $"Job {job.Id} was approved by {by} already; it is {job.Status.ToName()}.",
        { Approval.DecidedBy: { } by } => $"Job {job.Id} was decided on by {by} already; it is {job.Status.ToName()}.",
        _ => $"Job {job.Id} does not wait for an approval any more; it is {job.Status.ToName()}.",
    };
}

/// <summary>What became of a wish to approve a job, or to refuse it.</summary>
/// <param name="Job">As it stands.</param>
/// <param name="Decided">The jobs that were decided on: it, and its children.</param>
/// <param name="Reason">Why nothing was done; null where it was.</param>
public sealed record JobDecision(Job Job, IReadOnlyList<Guid> Decided, string? Reason)
{
    /// <summary>Whether this caller may not decide on it.</summary>
    public bool IsForbidden { get; init; }
}

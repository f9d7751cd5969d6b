using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Plugins;
using Heimdall.Core.Secrets;

namespace Heimdall.Core.Jobs;

/// <summary>A job as it is stored.</summary>
public sealed record Job
{
    /// <summary>UUIDv7, issued by the server.</summary>
    public required Guid Id { get; init; }

    public required string Name { get; init; }

    public required string Version { get; init; }

    public string Description { get; init; } = "";

    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Who submitted it.</summary>
    public required string User { get; init; }

    public required JobStatus Status { get; init; }

    /// <summary>True when the API runs it within the request.</summary>
    public required bool IsSync { get; init; }

    /// <summary>True for one query whose rows are the result; false for a batch.</summary>
    public required bool ReturnResult { get; init; }

    public required string CommandId { get; init; }

    public required string CommandName { get; init; }

    public required string ClusterId { get; init; }

    public required string ClusterName { get; init; }

    public IReadOnlyList<string> CommandCriteria { get; init; } = [];

    public IReadOnlyList<string> ClusterCriteria { get; init; } = [];

    public required JsonObject Context { get; init; }

    public DateTime CreatedAt { get; init; }

    public DateTime? StartedAt { get; init; }

    public DateTime? FinishedAt { get; init; }

    public DateTime UpdatedAt { get; init; }

    /// <summary>How often the job has been started; 0 while it waits. Every write of a runner names it.</summary>
    public int Attempt { get; init; }

    /// <summary>Until when the runner of the current attempt is taken to be alive.</summary>
    public DateTime? LeaseUntil { get; init; }

    public string? CanceledBy { get; init; }

    public JobFailure? Failure { get; init; }

    /// <summary>
    /// Whether somebody has refused to approve it. Who approves a job may also cancel it later, when it has run.
    /// </summary>
    public bool WasRefused => Status == JobStatus.Canceled && Attempt == 0 && StartedAt is null
        && Failure?.Kind == JobFailureKind.Refused && CanceledBy is not null && CanceledBy == Approval?.DecidedBy;

    public JobProgress Progress { get; init; } = new();

    /// <summary>Of one caller's waiting jobs the one with the highest comes first, then the oldest.</summary>
    public int Priority { get; init; }

    /// <summary>It is not started before these have ended, each in the given way.</summary>
    public IReadOnlyList<JobPredecessor> After { get; init; } = [];

    /// <summary>Of a child: the job that it is a part of.</summary>
    public Guid? ParentId { get; init; }

    /// <summary>Of a parent, whose children do what it was submitted for; null for all other jobs.</summary>
    public FanOut? FanOut { get; init; }

    /// <summary>Of a new child: it waits for its turn among the children of its parent.</summary>
    public bool IsHeld { get; init; }

    /// <summary>With its parent, where it waits for its turn.</summary>
    internal IEnumerable<JobPredecessor> AllPredecessors =>
        IsHeld ? After.Append(new JobPredecessor(ParentId!.Value, PredecessorEnd.Ended)) : After;

    /// <summary>It is not started before.</summary>
    public DateTime? StartAfter { get; init; }

    /// <summary>One that has not been started by then never is.</summary>
    public DateTime? StartBefore { get; init; }

    /// <summary>The job that this one runs again.</summary>
    public Guid? RetryOf { get; init; }

    /// <summary>Where in its script it begins; null for the beginning.</summary>
    public ResumePoint? Resume { get; init; }

    /// <summary>Id of the schedule that made it.</summary>
    public string? ScheduleId { get; init; }

    /// <summary>When its schedule was to make it.</summary>
    public DateTime? PlannedAt { get; init; }

    /// <summary>
    /// Where in which trace it was submitted (https://www.w3.org/TR/trace-context/); null when nobody traces it.
    /// </summary>
    public string? Traceparent { get; init; }

    /// <summary>The hooks that are notified when it ends.</summary>
    public IReadOnlyList<EndHook> OnEnd { get; init; } = [];

    /// <summary>Of a job that somebody else has to approve, or had to; null for all other jobs.</summary>
    public JobApproval? Approval { get; init; }

    /// <summary>
    /// The secrets among its parameters, of a job that this process has taken in; never read from the store.
    /// </summary>
    public JobSecrets? Secrets { get; init; }

    /// <summary>The same as they are stored until it ends.</summary>
    internal SealedText? SealedSecrets { get; init; }

    /// <summary>The queue's own id of the job; null for inline runs.</summary>
    public string? QueueId { get; init; }

    /// <summary>For whom the secrets of a job are sealed.</summary>
    internal static string OwnerOfSecrets(Guid id) => $"job/{id}";
}

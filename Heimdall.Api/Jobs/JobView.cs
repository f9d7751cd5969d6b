using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Hooks;
using Heimdall.Api.Live;
using Heimdall.Api.Problems;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Jobs;

/// <summary>A job as callers see it. What does not apply is absent.</summary>
internal record JobView
{
    public required Guid Id { get; init; }

    public required string Name { get; init; }

    public string? Version { get; init; }

    public string? Description { get; init; }

    public IReadOnlyList<string>? Tags { get; init; }

    public required string User { get; init; }

    [Required]
    [OneOf("JobStatusName", typeof(JobStatusNames))]
    public string? Status { get; init; }

    /// <summary>What the job waits for, in the reply that is about this job alone.</summary>
    public string? WaitingFor { get; init; }

    public required bool IsSync { get; init; }

    public required string CommandId { get; init; }

    public required string CommandName { get; init; }

    public string? ClusterId { get; init; }

    public string? ClusterName { get; init; }

    [Words(SubmitJobRequestReader.All)]
    public string? Target { get; init; }

    public int? MaxParallel { get; init; }

    public int? Canary { get; init; }

    public int? StopAfterFailures { get; init; }

    public Guid? ParentId { get; init; }

    public ChildrenView? Children { get; init; }

    [JobContext]
    public required JsonObject Context { get; init; }

    public required IReadOnlyList<string> CommandCriteria { get; init; }

    public required IReadOnlyList<string> ClusterCriteria { get; init; }

    public required DateTime CreatedAt { get; init; }

    public DateTime? StartedAt { get; init; }

    public DateTime? FinishedAt { get; init; }

    [Required]
    public DateTime? UpdatedAt { get; init; }

    public int? Priority { get; init; }

    public IReadOnlyList<PredecessorView>? After { get; init; }

    public DateTime? StartAfter { get; init; }

    public DateTime? StartBefore { get; init; }

    /// <summary>The hooks that are notified when it ends, also those of its command and those that subscribe.</summary>
    public IReadOnlyList<OnEndView>? OnEnd { get; init; }

    /// <summary>Of a job that somebody else has to approve, or had to.</summary>
    public ApprovalView? Approval { get; init; }

    public int? Attempt { get; init; }

    public string? Error { get; init; }

    public string? Sqlstate { get; init; }

    public string? CanceledBy { get; init; }

    public string? Schedule { get; init; }

    public DateTime? PlannedAt { get; init; }

    public Guid? RetryOf { get; init; }

    public string? Traceparent { get; init; }

    public long? FromStatement { get; init; }

    public string? Sha256 { get; init; }

    public IReadOnlyList<FileHash>? Files { get; init; }

    public long? Statements { get; init; }

    public long? StatementsTotal { get; init; }

    public long? BytesRead { get; init; }

    public long? BytesTotal { get; init; }

    public long? RowsAffected { get; init; }

    public IReadOnlyList<StatementErrorView>? Errors { get; init; }

    public long? RowCount { get; init; }

    public bool? Truncated { get; init; }

    /// <summary>The members that come before the rows of a query, without braces. What is known after the last row is not among them.</summary>
    public static byte[] MembersBeforeRows(Job job)
    {
        var view = Of(job) with
        {
            Status = null,
            FinishedAt = null,
            UpdatedAt = null,
            RowsAffected = null,
            RowCount = null,
            Truncated = null,
        };
        return JsonSerializer.SerializeToUtf8Bytes(view, ApiJson.Options)[1..^1];
    }

    public static JobView Of(Job job) => new()
    {
        Id = job.Id,
        Name = job.Name,
        Version = job.Version.Length > 0 ? job.Version : null,
        Description = job.Description.Length > 0 ? job.Description : null,
        Tags = job.Tags.Count > 0 ? job.Tags : null,
        User = job.User,
        Status = job.Status.ToName(),
        IsSync = job.IsSync,
        CommandId = job.CommandId,
        CommandName = job.CommandName,
        ClusterId = job.FanOut is null ? job.ClusterId : null,
        ClusterName = job.FanOut is null ? job.ClusterName : null,
        Target = job.FanOut is null ? null : SubmitJobRequestReader.All,
        MaxParallel = job.FanOut?.MaxParallel,
        Canary = job.FanOut?.Canary,
        StopAfterFailures = job.FanOut?.StopAfterFailures,
        ParentId = job.ParentId,
        Children = ChildrenView.Of(job.FanOut),
        Context = job.Context,
        CommandCriteria = job.CommandCriteria,
        ClusterCriteria = job.ClusterCriteria,
        CreatedAt = job.CreatedAt,
        StartedAt = job.StartedAt,
        FinishedAt = job.FinishedAt,
        UpdatedAt = job.UpdatedAt,
        Priority = job.Priority == 0 ? null : job.Priority,
        After = job.After.Count > 0 ? [.. job.After.Select(one => new PredecessorView(one.Id, one.On.ToName()))] : null,
        StartAfter = job.StartAfter,
        StartBefore = job.StartBefore,
        OnEnd = OnEndView.Of(job.OnEnd),
        Approval = ApprovalView.Of(job),
        // Recovery of an inline query whose process died takes a number too, but it runs nothing.
        Attempt = job.Attempt == 0 ? null : job.IsSync ? 1 : job.Attempt,
        Error = job.Failure?.Message,
        Sqlstate = job.Failure?.SqlState,
        CanceledBy = job.CanceledBy,
        Schedule = job.ScheduleId,
        PlannedAt = job.PlannedAt,
        RetryOf = job.RetryOf,
        Traceparent = job.Traceparent,
        FromStatement = job.Resume?.Statement,
        Sha256 = job.Progress.Sha256,
        Files = job.Progress.Files,
        Statements = job.Progress.Statements,
        StatementsTotal = job.Progress.StatementsTotal,
        BytesRead = job.Progress.BytesRead,
        BytesTotal = job.Progress.BytesTotal,
        RowsAffected = job.Progress.RowsAffected,
        Errors = (job.Failure?.Errors ?? job.Progress.Errors) is { Count: > 0 } errors ? [.. errors.Select(StatementErrorView.Of)] : null,
        RowCount = job.Progress.RowCount,
        Truncated = job.Progress.Truncated,
    };
}

/// <summary>A query with its rows, for its description: the writers of the formats write these members.</summary>
internal sealed record JobAndRowsView : JobView
{
    public RowsView? Result { get; init; }

    /// <summary>Of rows that are stored.</summary>
    public DateTime? ExpiresAt { get; init; }
}

/// <summary>Rows, for their description.</summary>
internal sealed record RowsView(
    IReadOnlyList<ColumnView> Columns, [property: Rows] IReadOnlyList<JsonElement[]> Data);

/// <summary>A column, with PostgreSQL's name of its type.</summary>
internal sealed record ColumnView(string Name, string Type);

/// <summary>A stored result, for its description. After a failure, <c>error</c> says why rows are missing.</summary>
internal sealed record ResultView(
    IReadOnlyList<ColumnView> Columns, [property: Rows] IReadOnlyList<JsonElement[]> Data, DateTime? ExpiresAt,
    long? RowsAffected, long TotalRows, long RowCount, bool Truncated,
    [property: OneOf("JobStatusName", typeof(JobStatusNames))] string Status, string? Error, string? Sqlstate);

/// <summary>A job that another one starts after, as callers see it.</summary>
internal sealed record PredecessorView(
    Guid Job, [property: OneOf("PredecessorEndName", typeof(PredecessorEndNames))] string On);

/// <summary>What was submitted for approval, and what became of it.</summary>
/// <param name="Sha256">Of the SQL or the script. Nothing else is run.</param>
/// <param name="Files">The other files that the script reads.</param>
/// <param name="Until">While the job waits: when it ends if nobody has approved it.</param>
/// <param name="Decision">What was decided.</param>
/// <param name="DecidedBy">Who approved or refused it.</param>
/// <param name="DecidedAt">When.</param>
internal sealed record ApprovalView(
    string? Sha256, IReadOnlyList<FileHash>? Files, DateTime? Until,
    [property: Words(ApprovalView.Approved, ApprovalView.Refused)] string? Decision, string? DecidedBy,
    DateTime? DecidedAt)
{
    public const string Approved = "APPROVED";
    public const string Refused = "REFUSED";

    public static ApprovalView? Of(Job job) => job.Approval is not { } approval
        ? null
        : new(
            approval.Content?.Sha256, approval.Content?.Files, approval.Until,
            approval.DecidedBy is null ? null : job.WasRefused ? Refused : Approved, approval.DecidedBy,
            approval.DecidedAt);
}

/// <summary>Where a job stands.</summary>
internal sealed record JobStatusView(
    Guid Id, [property: OneOf("JobStatusName", typeof(JobStatusNames))] string Status, DateTime UpdatedAt,
    string? Error);

/// <summary>A page of jobs.</summary>
/// <param name="Data">The jobs.</param>
/// <param name="HasMore">Whether there may be more behind them.</param>
/// <param name="NextCursor">Of the next page.</param>
/// <param name="SearchedTo">Of a search that has more jobs to look at: the time of the last one that it has looked at.</param>
internal sealed record JobListView(IReadOnlyList<JobView> Data, bool HasMore, string? NextCursor, DateTime? SearchedTo = null)
{
    public static JobListView Of(IReadOnlyList<Job> jobs, JobCursor? next, bool isSearch) => new(
        [.. jobs.Select(JobView.Of)], next is not null, next is null ? null : JobCursorText.Write(next), isSearch ? next?.At : null);
}

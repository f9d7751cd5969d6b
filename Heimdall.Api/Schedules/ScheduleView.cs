using System.Text.Json.Nodes;
using Heimdall.Api.Descriptions;
using Heimdall.Core.Configuration;
using Heimdall.Api.Hooks;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Cron;
using Heimdall.Core.Jobs;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Schedules;

/// <summary>A schedule as callers see it. What does not apply is absent.</summary>
internal sealed record ScheduleView
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public string? Version { get; init; }

    public string? Description { get; init; }

    public required string Cron { get; init; }

    /// <summary><c>or</c>, where that is its rule for days.</summary>
    [OneOf("DayRule", typeof(DayRule))]
    public string? Day { get; init; }

    public required string Timezone { get; init; }

    [OneOf("MisfireRule", typeof(MisfireRule))]
    public required string Misfire { get; init; }

    public string? MaxLateness { get; init; }

    [OneOf("OverlapRule", typeof(OverlapRule))]
    public required string Overlap { get; init; }

    public DateTime? StartsAt { get; init; }

    public DateTime? EndsAt { get; init; }

    public required string User { get; init; }

    public IReadOnlyList<string>? Tags { get; init; }

    public required IReadOnlyList<string> CommandCriteria { get; init; }

    public required IReadOnlyList<string> ClusterCriteria { get; init; }

    [JobContext]
    public required JsonObject Context { get; init; }

    /// <summary><c>all</c>, where each run is for all clusters that match.</summary>
    [Words(ScheduleConfig.All)]
    public string? Target { get; init; }

    public int? MaxParallel { get; init; }

    public int? Canary { get; init; }

    public int? StopAfterFailures { get; init; }

    /// <summary>The hooks that are notified when one of its jobs ends.</summary>
    public IReadOnlyList<OnEndView>? OnEnd { get; init; }

    /// <summary><c>file</c> or <c>api</c>.</summary>
    [Words("file", "api")]
    public required string Source { get; init; }

    public SchedulePauseView? Paused { get; init; }

    public DateTime? NextAt { get; init; }

    public ScheduleRunView? LastRun { get; init; }

    /// <summary>Why a run by the clock would be refused, as things are.</summary>
    public string? Unroutable { get; init; }

    public required DateTime CreatedAt { get; init; }

    public required DateTime UpdatedAt { get; init; }

    public static ScheduleView Of(Schedule schedule, ScheduleRun? last, string? unroutable)
    {
        var definition = schedule.Definition;
        return new()
        {
            Id = definition.Id,
            Name = definition.Name,
            Version = definition.Version.Length > 0 ? definition.Version : null,
            Description = definition.Description.Length > 0 ? definition.Description : null,
            Cron = definition.Cron,
            Day = definition.Day == DayRule.Or ? definition.Day.ToName() : null,
            Timezone = definition.Timezone,
            Misfire = definition.Misfire.ToName(),
            MaxLateness = definition.MaxLateness is { } lateness ? Duration.Write(lateness) : null,
            Overlap = definition.Overlap.ToName(),
            StartsAt = definition.StartsAt,
            EndsAt = definition.EndsAt,
            User = definition.User,
            Tags = definition.Tags.Count > 0 ? definition.Tags : null,
            CommandCriteria = definition.CommandCriteria,
            ClusterCriteria = definition.ClusterCriteria,
            Context = definition.Context,
            Target = definition.FanOut is null ? null : ScheduleConfig.All,
            MaxParallel = definition.FanOut?.MaxParallel,
            Canary = definition.FanOut?.Canary,
            StopAfterFailures = definition.FanOut?.StopAfterFailures,
            OnEnd = OnEndView.Of(definition.OnEnd),
            Source = schedule.IsFromFile ? "file" : "api",
            Paused = schedule.Pause is { } pause
                ? new SchedulePauseView(pause.At, pause.By, pause.Reason.Length > 0 ? pause.Reason : null, pause.Until)
                : null,
            NextAt = schedule.NextAt,
            LastRun = last is null ? null : ScheduleRunView.Of(last),
            Unroutable = unroutable,
            CreatedAt = schedule.CreatedAt,
            UpdatedAt = schedule.UpdatedAt,
        };
    }
}

/// <summary>Who keeps a schedule from running.</summary>
internal sealed record SchedulePauseView(DateTime At, string By, string? Reason, DateTime? Until);

/// <summary>What became of an occurrence. The last four are its job's.</summary>
internal sealed record ScheduleRunView(
    Guid Id, string Schedule, DateTime PlannedAt,
    [property: OneOf("RunOutcome", typeof(ScheduleNames), nameof(ScheduleNames.Outcomes))] string Outcome,
    string? Reason, string? TriggeredBy, DateTime DecidedAt, Guid? JobId,
    [property: OneOf("JobStatusName", typeof(JobStatusNames))] string? Status,
    DateTime? StartedAt, DateTime? FinishedAt, string? Error)
{
    public static ScheduleRunView Of(ScheduleRun run) => new(
        run.Id, run.Schedule, run.PlannedAt, run.Outcome.ToName(), run.Reason, run.TriggeredBy, run.DecidedAt, run.JobId, run.Job?.Status.ToName(),
        run.Job?.StartedAt, run.Job?.FinishedAt, run.Job?.Error);
}

/// <summary>A page of runs.</summary>
internal sealed record ScheduleRunListView(IReadOnlyList<ScheduleRunView> Data, bool HasMore, string? NextCursor);

/// <summary>Times to come.</summary>
internal sealed record NextRunsView(string Timezone, IReadOnlyList<NextRunView> Data);

/// <param name="PlannedAt">The moment.</param>
/// <param name="Local">What clocks in the schedule's time zone show then.</param>
internal sealed record NextRunView(DateTime PlannedAt, string Local);

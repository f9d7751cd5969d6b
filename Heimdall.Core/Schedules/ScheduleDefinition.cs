using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Cron;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;

namespace Heimdall.Core.Schedules;

/// <summary>What people say of a schedule, in the file or by <c>PUT</c>: what each run submits, and when.</summary>
public sealed record ScheduleDefinition
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public string Version { get; init; } = "";

    public string Description { get; init; } = "";

    public required string Cron { get; init; }

    /// <summary>
    /// Left out of the seed where it is the default: schedules that are older than it keep theirs, and with it the edits
    /// that were made over REST.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public DayRule Day { get; init; } = DayRule.And;

    public string Timezone { get; init; } = "UTC";

    public MisfireRule Misfire { get; init; } = MisfireRule.Once;

    public TimeSpan? MaxLateness { get; init; }

    public OverlapRule Overlap { get; init; } = OverlapRule.Skip;

    /// <summary>
    /// The rule that only a newer version of Heimdall knows: that one decides about the runs. It is never of a file, so
    /// the seed leaves it out.
    /// </summary>
    [JsonIgnore]
    public string? UnknownRule { get; init; }

    public DateTime? StartsAt { get; init; }

    public DateTime? EndsAt { get; init; }

    /// <summary>Whose jobs the runs are.</summary>
    public required string User { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    public required IReadOnlyList<string> CommandCriteria { get; init; }

    public required IReadOnlyList<string> ClusterCriteria { get; init; }

    /// <summary>
    /// The hooks that are notified when one of its jobs ends; null: none, and the seed is as it was before.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<EndHook>? OnEnd { get; init; }

    /// <summary>Without the values of <see cref="Secrets"/>.</summary>
    public required JsonObject Context { get; init; }

    /// <summary>
    /// The secrets among the parameters of its jobs; null of one that was read in the store. The seed has a fingerprint
    /// of them instead.
    /// </summary>
    [JsonIgnore]
    public JobSecrets? Secrets { get; init; }

    /// <summary>
    /// Of jobs for all clusters that match: how their children are run; null: each is for one cluster. Left out of the
    /// seed there, as <see cref="Day"/> is.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public FanOut? FanOut { get; init; }

    /// <summary>Of what a caller or the file says.</summary>
    /// <param name="config">The schedule.</param>
    /// <param name="kept">The values of secrets that are written without one.</param>
    /// <exception cref="JobRefusedException">What is marked as a secret is none that can be kept.</exception>
    public static ScheduleDefinition Of(ScheduleConfig config, JobSecrets? kept = null)
    {
        var (context, secrets) = JobSecrets.Split(config.Context, kept);
        return Of(config, context) with { Secrets = secrets };
    }

    private static ScheduleDefinition Of(ScheduleConfig config, JsonObject context) => new()
    {
        Id = config.Id ?? config.Name,
        Name = config.Name,
        Version = config.Version,
        Description = config.Description,
        Cron = config.Cron.Trim(),
        Day = Enum.Parse<DayRule>(config.Day, ignoreCase: true),
        Timezone = config.Timezone,
        Misfire = Enum.Parse<MisfireRule>(config.Misfire, ignoreCase: true),
        MaxLateness = config.MaxLateness,
        Overlap = Enum.Parse<OverlapRule>(config.Overlap, ignoreCase: true),
        StartsAt = config.StartsAt?.UtcDateTime,
        EndsAt = config.EndsAt?.UtcDateTime,
        User = config.User,
        Tags = config.Tags,
        CommandCriteria = config.CommandCriteria,
        ClusterCriteria = config.ClusterCriteria,
        OnEnd = config.OnEnd.Length == 0 ? null : [.. config.OnEnd.Select(hook => new EndHook(hook.Hook, hook.On))],
        Context = context,
        FanOut = config.Target == ScheduleConfig.All
            ? new FanOut
            {
                MaxParallel = config.MaxParallel, Canary = config.Canary, StopAfterFailures = config.StopAfterFailures,
            }
            : null,
    };

    /// <summary>When there is no <see cref="FindTimesProblem"/>.</summary>
    public CronTimes Times() => new(Cron, Timezone, Id, Day);

    /// <summary>The job of one run.</summary>
    /// <param name="startBefore">When it is too late to start it.</param>
    public JobSubmission ToSubmission(DateTime? startBefore) => new()
    {
        Name = Name,
        Version = Version,
        Description = Description,
        Tags = Tags,
        CommandCriteria = CommandCriteria,
        ClusterCriteria = ClusterCriteria,
        Context = Context,
        Secrets = Secrets,
        StartBefore = startBefore,
        FanOut = FanOut,
        OnEnd = OnEnd ?? [],
        User = User,
    };

    /// <returns>Why this machine cannot tell its occurrences, or null: what was written elsewhere, or long ago, may not be read here.</returns>
    public string? FindTimesProblem() =>
        CronTimes.FindZoneProblem(Timezone) is { } zone ? $"Its timezone '{Timezone}' {zone}."
        : CronTimes.FindProblem(Cron, Id, Day) is { } cron ? $"Its cron '{Cron}' {cron}."
        : UnknownRule is not null ? $"Its rule '{UnknownRule}' is of a newer version of Heimdall."
        : null;

    /// <summary>The occurrences after a moment; none where they cannot be told.</summary>
    public IEnumerable<DateTime> After(DateTime moment) => FindTimesProblem() is not null ? [] :
        Times().After(StartsAt > moment ? Schedule.JustBefore(StartsAt.Value) : moment).TakeWhile(time => EndsAt is null || time < EndsAt);

    /// <summary>True when both come true at the same times.</summary>
    public bool HasTimesOf(ScheduleDefinition other) =>
        (Cron, Day, Timezone, StartsAt, EndsAt)
            == (other.Cron, other.Day, other.Timezone, other.StartsAt, other.EndsAt);
}

/// <summary>What becomes of occurrences that nobody was there to fire.</summary>
public enum MisfireRule
{
    /// <summary>They are not made up for.</summary>
    Skip,

    /// <summary>One run makes up for all of them.</summary>
    Once,

    /// <summary>Each is run.</summary>
    All,
}

/// <summary>What becomes of an occurrence while a job of the same schedule has not ended.</summary>
public enum OverlapRule
{
    /// <summary>It is run beside it.</summary>
    Allow,

    /// <summary>It is not run.</summary>
    Skip,

    /// <summary>It waits for the end.</summary>
    Queue,

    /// <summary>The job is cancelled, and it is run when that is gone.</summary>
    Replace,
}

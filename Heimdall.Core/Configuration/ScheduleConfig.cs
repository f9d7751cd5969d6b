using System.Text.Json.Nodes;

namespace Heimdall.Core.Configuration;

/// <summary>A job that is run by the clock: what a caller would submit, and when.</summary>
public sealed record ScheduleConfig
{
    public const string Any = "any";
    public const string All = "all";

    /// <summary>Default: the name.</summary>
    public string? Id { get; init; }

    public string Name { get; init; } = "";

    public string Version { get; init; } = "";

    public string Description { get; init; } = "";

    /// <summary>
    /// Five fields (minute, hour, day, month, weekday), six with seconds before them, or a name such as
    /// <c>@hourly</c>. <c>H</c> in a field is a number that follows from the id.
    /// </summary>
    public string Cron { get; init; } = "";

    /// <summary>
    /// What an expression means that names days of the month and weekdays: <c>and</c> (a day must match both) or
    /// <c>or</c> (one of them, as POSIX has it). Default: <c>and</c>.
    /// </summary>
    public string Day { get; init; } = "and";

    /// <summary>IANA name of the time zone whose clocks the expression means. Default: <c>UTC</c>.</summary>
    public string Timezone { get; init; } = "UTC";

    /// <summary>What becomes of occurrences that nobody was there to fire: <c>skip</c>, <c>once</c> or <c>all</c>. Default: <c>once</c>.</summary>
    public string Misfire { get; init; } = "once";

    /// <summary>How long after its time a run may still start. Default: however late; with <c>misfire: skip</c> a minute.</summary>
    public TimeSpan? MaxLateness { get; init; }

    /// <summary>What becomes of an occurrence while the run before is not over: <c>allow</c>, <c>skip</c>, <c>queue</c> or <c>replace</c>. Default: <c>skip</c>.</summary>
    public string Overlap { get; init; } = "skip";

    /// <summary>No occurrence before; RFC 3339.</summary>
    public DateTimeOffset? StartsAt { get; init; }

    /// <summary>No occurrence from then on; RFC 3339.</summary>
    public DateTimeOffset? EndsAt { get; init; }

    /// <summary>Whose jobs the runs are. Default: <c>scheduler</c>.</summary>
    public string User { get; init; } = "scheduler";

    /// <summary>Of the jobs, as are name, version and description.</summary>
    public string[] Tags { get; init; } = [];

    /// <summary>Tags that the command must carry.</summary>
    public string[] CommandCriteria { get; init; } = [];

    /// <summary>Tags that the cluster must carry.</summary>
    public string[] ClusterCriteria { get; init; } = [];

    /// <summary>
    /// <c>any</c>: each run is a job on one of the clusters that match; <c>all</c>: on each. Default: <c>any</c>.
    /// </summary>
    public string Target { get; init; } = Any;

    /// <summary>With <c>all</c>, on how many clusters at once. Default: all.</summary>
    public int? MaxParallel { get; init; }

    /// <summary>With <c>all</c>, on how many clusters first. Default: none.</summary>
    public int? Canary { get; init; }

    /// <summary>With <c>all</c>, after how many failures it begins on no other cluster. Default: no limit.</summary>
    public int? StopAfterFailures { get; init; }

    /// <summary>The hooks that are notified when one of its jobs ends. Default: none.</summary>
    public OnEndConfig[] OnEnd { get; init; } = [];

    /// <summary>The query, and how to run it.</summary>
    public JsonObject Context { get; init; } = [];
}

using System.Collections.Concurrent;
using Heimdall.Core.Configuration;

namespace Heimdall.Core.Telemetry;

/// <summary>
/// The tags of a command's jobs on a cluster for a class of callers, made once for all of these jobs.
/// </summary>
internal sealed class JobTags
{
    public const string OfCommand = "heimdall.command";
    public const string OfCluster = "heimdall.cluster";
    public const string OfCallerClass = "heimdall.caller.class";
    public const string OfStatus = "heimdall.job.status";
    public const string OfDirection = "heimdall.direction";

    private readonly ConcurrentDictionary<string, KeyValuePair<string, object?>[]> _ofStatus =
        new(StringComparer.Ordinal);

    public JobTags(string command, string cluster, string callerClass)
    {
        WithoutCaller = [new(OfCommand, command), new(OfCluster, cluster)];
        WithCaller = [.. WithoutCaller, new(OfCallerClass, callerClass)];
        Affected = [.. WithoutCaller, new(OfDirection, "affected")];
        Returned = [.. WithoutCaller, new(OfDirection, "returned")];
    }

    /// <summary>Command and cluster.</summary>
    public KeyValuePair<string, object?>[] WithoutCaller { get; }

    /// <summary>The same with the class of callers.</summary>
    public KeyValuePair<string, object?>[] WithCaller { get; }

    /// <summary>Of rows that were changed.</summary>
    public KeyValuePair<string, object?>[] Affected { get; }

    /// <summary>Of rows of results.</summary>
    public KeyValuePair<string, object?>[] Returned { get; }

    /// <param name="status">One of the eight.</param>
    public KeyValuePair<string, object?>[] With(string status) => _ofStatus.TryGetValue(status, out var known)
        ? known
        : _ofStatus.GetOrAdd(status, [.. WithCaller, new(OfStatus, status)]);
}

/// <summary>
/// The tags of all jobs. Commands and clusters can be made over REST: of more combinations than there is room for, the
/// rest is counted as <c>other</c>.
/// </summary>
/// <param name="config">Names the classes of callers.</param>
/// <param name="onNew">Called with each new combination before it is used.</param>
internal sealed class JobTagTable(MetricsConfig config, Action<JobTags> onNew)
{
    /// <summary>
    /// With the four statuses in which jobs end, and one more for each class, not more series than the 2,000 that
    /// OpenTelemetry keeps of one instrument.
    /// </summary>
    internal const int MostCombinations = 470;

    private readonly ConcurrentDictionary<(string CommandId, string ClusterId, string CallerClass), JobTags> _tags =
        new();
    private readonly CallerClassTable _classes = new(config);
    private int _count; // to ask the dictionary takes all of its locks

    /// <param name="command">Id of the command.</param>
    /// <param name="cluster">Id of the cluster.</param>
    /// <param name="user">Whose job it is.</param>
    /// <param name="isScheduled">Whether a schedule has made it.</param>
    public JobTags Of(string command, string cluster, string user, bool isScheduled)
    {
        var callerClass = isScheduled ? CallerClassTable.OfSchedules : _classes.Of(user);
        if (_tags.TryGetValue((command, cluster, callerClass), out var known))
        {
            return known;
        }
        return Volatile.Read(ref _count) < MostCombinations
            ? Add(command, cluster, callerClass)
            : Add(CallerClassTable.Others, CallerClassTable.Others, callerClass);
    }

    private JobTags Add(string command, string cluster, string callerClass)
    {
        if (_tags.TryGetValue((command, cluster, callerClass), out var known))
        {
            return known;
        }
        var tags = new JobTags(command, cluster, callerClass);
        if (!_tags.TryAdd((command, cluster, callerClass), tags))
        {
            return _tags[(command, cluster, callerClass)];
        }
        Interlocked.Increment(ref _count);
        onNew(tags);
        return tags;
    }
}

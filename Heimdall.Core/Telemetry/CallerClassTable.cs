using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Heimdall.Core.Configuration;

namespace Heimdall.Core.Telemetry;

/// <summary>
/// The class by which the jobs of a caller are counted (<c>metrics.caller_classes</c>). There are as many as the file
/// names, however many callers there are.
/// </summary>
internal sealed class CallerClassTable(MetricsConfig config)
{
    /// <summary>Of jobs that a schedule has made.</summary>
    public const string OfSchedules = "schedule";

    /// <summary>Of callers that no class names.</summary>
    public const string Others = "other";

    /// <summary>How many callers are remembered.</summary>
    private const int MostCallers = 10_000;

    private readonly (string Name, Regex[] Patterns)[] _classes =
        [.. config.CallerClasses.Select(one => (one.Name, one.Callers.Select(CallerPattern.Compile).ToArray()))];

    private readonly ConcurrentDictionary<string, string> _found = new(StringComparer.Ordinal);
    private int _count; // to ask the dictionary takes all of its locks

    public string Of(string user)
    {
        if (_classes.Length == 0)
        {
            return Others;
        }
        if (_found.TryGetValue(user, out var known))
        {
            return known;
        }
        if (Interlocked.Increment(ref _count) > MostCallers)
        {
            Volatile.Write(ref _count, 0);
            _found.Clear();
        }
        return _found[user] = Find(user);
    }

    private string Find(string user)
    {
        foreach (var (name, patterns) in _classes)
        {
            if (patterns.Any(pattern => pattern.IsMatch(user)))
            {
                return name;
            }
        }
        return Others;
    }
}

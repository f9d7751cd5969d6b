using System.Globalization;

namespace Heimdall.Benchmarks.Processes;

/// <summary>The processor time that processes have had.</summary>
internal static class ProcessCpu
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux that runs .NET

    // Where proc(5)'s fields are behind the command's name, which may have spaces in it.
    private const int Parent = 1;
    private const int User = 11;
    private const int System = 12;
    private const int UserOfEnded = 13;
    private const int SystemOfEnded = 14;

    /// <returns>Seconds; null where the system does not say (only Linux does), and of a process that has ended.</returns>
    public static double? Of(int processId) => ReadFields($"{processId}") is { } fields ? Sum(fields, User, System) : null;

    /// <returns>Seconds of a process and of all that it has started, also of those that have ended.</returns>
    public static double? OfFamily(int processId)
    {
        if (ReadFields($"{processId}") is not { } parent)
        {
            return null;
        }
        var children = Directory.EnumerateDirectories("/proc")
            .Select(Path.GetFileName)
            .Where(name => char.IsAsciiDigit(name![0]))
            .Select(name => ReadFields(name!))
            .Where(fields => fields is not null && fields[Parent] == $"{processId}");
        return Sum(parent, User, System, UserOfEnded, SystemOfEnded) + children.Sum(fields => Sum(fields!, User, System));
    }

    /// <param name="processId">The process.</param>
    /// <param name="program">What it must be, lest it is one of another machine.</param>
    /// <returns>The process that started it; null where that cannot be said.</returns>
    public static int? FindParent(int processId, string program) =>
        File.Exists($"/proc/{processId}/comm") && File.ReadAllText($"/proc/{processId}/comm").Trim() == program && ReadFields($"{processId}") is { } fields
            ? int.Parse(fields[Parent], CultureInfo.InvariantCulture)
            : null;

    private static double Sum(string[] fields, params IEnumerable<int> places) =>
        places.Sum(place => double.Parse(fields[place], CultureInfo.InvariantCulture)) / TicksPerSecond;

    private static string[]? ReadFields(string process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

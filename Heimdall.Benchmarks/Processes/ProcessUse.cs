using System.Globalization;

namespace Heimdall.Benchmarks.Processes;

/// <summary>What processes have had of the machine, as Linux has it; null elsewhere, and of processes that have ended.</summary>
internal static class ProcessUse
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux that runs .NET
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(20);

    // Where proc(5)'s fields are behind the command's name, which may have spaces in it.
    private const int Parent = 1;
    private const int User = 11;
    private const int System = 12;
    private const int UserOfEnded = 13;
    private const int SystemOfEnded = 14;

    /// <summary>Seconds of processor time.</summary>
    public static double? Cpu(params IEnumerable<int> processIds)
    {
        double? sum = 0;
        foreach (var processId in processIds)
        {
            sum += ReadFields($"{processId}") is { } fields ? Sum(fields, User, System) : null;
        }
        return sum;
    }

    /// <summary>Seconds of processor time of a process and of all that it has started, also of those that have ended.</summary>
    public static double? FamilyCpu(int processId)
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
    /// <returns>The process that started it.</returns>
    public static int? FindParent(int processId, string program) =>
        File.Exists($"/proc/{processId}/comm") && File.ReadAllText($"/proc/{processId}/comm").Trim() == program && ReadFields($"{processId}") is { } fields
            ? int.Parse(fields[Parent], CultureInfo.InvariantCulture)
            : null;

    /// <summary>Bytes of memory now.</summary>
    public static long? Memory(int processId) => ReadStatus(processId, "VmRSS");

    /// <summary>The most bytes of memory since the start, or since the peak was reset.</summary>
    public static long? PeakMemory(int processId) => ReadStatus(processId, "VmHWM");

    /// <returns>The most memory that a process has while something runs.</returns>
    public static async Task<long?> PeakDuringAsync(int processId, Task action)
    {
        var isReset = TryResetPeak(processId);
        long? peak;
        for (peak = Memory(processId); await Task.WhenAny(action, Task.Delay(LookInterval)) != action;)
        {
            peak = Memory(processId) is { } now ? Math.Max(peak ?? 0, now) : peak;
        }
        await action;
        return isReset ? PeakMemory(processId) ?? peak : peak;
    }

    /// <returns>False where it cannot: some containers forbid it.</returns>
    private static bool TryResetPeak(int processId)
    {
        try
        {
            File.WriteAllText($"/proc/{processId}/clear_refs", "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

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

    private static long? ReadStatus(int processId, string name)
    {
        try
        {
            return File.ReadLines($"/proc/{processId}/status").FirstOrDefault(line => line.StartsWith($"{name}:", StringComparison.Ordinal)) is { } line
                ? long.Parse(line[(name.Length + 1)..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) * 1024
                : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}

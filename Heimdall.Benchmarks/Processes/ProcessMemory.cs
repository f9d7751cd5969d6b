using System.Globalization;

namespace Heimdall.Benchmarks.Processes;

/// <summary>What a process has of the machine's memory.</summary>
/// <param name="Bytes">Now.</param>
/// <param name="PeakBytes">The most it had since its start, or since <see cref="TryResetPeak"/>.</param>
internal sealed record ProcessMemory(long Bytes, long PeakBytes)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(20);

    /// <returns>Null where the system does not say (only Linux does), and of a process that has ended.</returns>
    public static ProcessMemory? Of(int processId)
    {
        try
        {
            var fields = File.ReadLines($"/proc/{processId}/status")
                .Select(line => line.Split(':', 2))
                .Where(pair => pair is ["VmRSS" or "VmHWM", _])
                .ToDictionary(pair => pair[0], pair => ReadKilobytes(pair[1]));
            return fields.TryGetValue("VmRSS", out var now) && fields.TryGetValue("VmHWM", out var peak) ? new ProcessMemory(now, peak) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Forgets the peak of a process so far.</summary>
    /// <returns>False where it cannot: some containers forbid it. The peak then also covers what the process did before.</returns>
    public static bool TryResetPeak(int processId)
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

    /// <returns>The most memory that a process has while something goes on; null where the system does not say.</returns>
    public static async Task<long?> WatchAsync(int processId, Task action)
    {
        var isReset = TryResetPeak(processId);
        long? peak;
        for (peak = Of(processId)?.Bytes; await Task.WhenAny(action, Task.Delay(LookInterval)) != action;)
        {
            peak = Of(processId) is { } now ? Math.Max(peak ?? 0, now.Bytes) : peak;
        }
        await action;
        return isReset ? Of(processId)?.PeakBytes ?? peak : peak;
    }

    private static long ReadKilobytes(string text) => long.Parse(text.Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) * 1024;
}

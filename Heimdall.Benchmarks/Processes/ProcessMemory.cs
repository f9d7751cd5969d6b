using System.Globalization;

namespace Heimdall.Benchmarks.Processes;

/// <summary>What a process has of the machine's memory.</summary>
/// <param name="Bytes">Now.</param>
/// <param name="PeakBytes">The most it had since its start, or since <see cref="TryResetPeak"/>.</param>
internal sealed record ProcessMemory(long Bytes, long PeakBytes)
{
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

    /// <summary>Forgets the peak of this process so far.</summary>
    public static void TryResetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Some containers forbid it. The peak then also covers the warm-up, which needs less than any script.
        }
    }

    private static long ReadKilobytes(string text) => long.Parse(text.Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) * 1024;
}

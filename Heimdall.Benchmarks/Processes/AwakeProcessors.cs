namespace Heimdall.Benchmarks.Processes;

/// <summary>
/// Keeps every processor busy with work that gives way to all other work. On a virtual machine a processor that fell asleep takes
/// long to wake up, each round trip pays for it on both sides, and a client that waits for every answer would be measured by that.
/// </summary>
internal sealed class AwakeProcessors : IAsyncDisposable
{
    // SCHED_IDLE gives way at once; with a priority alone the busy ones still kept the server waiting for half of its time.
    private const string Busy = """
        if command -v chrt >/dev/null; then set -- chrt --idle 0; else set -- nice -n 19; fi
        exec "$@" sh -c 'while :; do :; done'
        """;

    // Linux first shares processors between sessions ("autogroup"), as equals, and then looks at who gives way within one.
    private const string Autogroup = "/proc/sys/kernel/sched_autogroup_enabled";

    private readonly Companion[] _busy;
    private readonly bool _hasTurnedAutogroupOff;

    private AwakeProcessors(Companion[] busy, bool hasTurnedAutogroupOff) => (_busy, _hasTurnedAutogroupOff) = (busy, hasTurnedAutogroupOff);

    public static AwakeProcessors Start()
    {
        var hasTurnedOff = IsAutogroupOn() && TrySetAutogroup(false);
        return new([.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => Companion.Start("/dev/null", "sh", "-c", Busy))], hasTurnedOff);
    }

    /// <summary>Whether it takes time from what is measured, because autogroups are on and only root can turn them off.</summary>
    public bool TakesTime { get; } = IsAutogroupOn();

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _busy)
        {
            await one.DisposeAsync();
        }
        if (_hasTurnedAutogroupOff)
        {
            TrySetAutogroup(true);
        }
    }

    private static bool IsAutogroupOn() => File.Exists(Autogroup) && File.ReadAllText(Autogroup).Trim() == "1";

    private static bool TrySetAutogroup(bool isOn)
    {
        try
        {
            File.WriteAllText(Autogroup, isOn ? "1" : "0");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}

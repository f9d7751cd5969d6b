namespace Heimdall.Benchmarks.Processes;

/// <summary>
/// Keeps every processor busy with work that gives way to all other work. On a virtual machine a processor that fell asleep takes
/// long to wake up, each round trip pays for it on both sides, and a client that waits for every answer would be measured by that.
/// </summary>
internal sealed class AwakeProcessors : IAsyncDisposable
{
    // Linux shares processors between sessions first ("autogroup"): within the session of this program the lowest priority would
    // still cost the server, which has a session of its own, half a processor. So the busy ones get a session, and its priority.
    private const string Busy = """
        if command -v setsid >/dev/null; then set -- setsid; else set --; fi
        exec "$@" nice -n 19 sh -c 'echo 19 2>/dev/null >/proc/self/autogroup; while :; do :; done'
        """;

    private readonly Companion[] _busy;

    private AwakeProcessors(Companion[] busy) => _busy = busy;

    public static AwakeProcessors Start() =>
        new([.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => Companion.Start("/dev/null", "sh", "-c", Busy))]);

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _busy)
        {
            await one.DisposeAsync();
        }
    }
}

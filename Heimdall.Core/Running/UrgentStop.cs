using System.Runtime.InteropServices;

namespace Heimdall.Core.Running;

/// <summary>
/// Receives the signals to stop (SIGTERM, or SIGINT as from Ctrl-C). After the first, running jobs get time to end,
/// which the host sees to. The second ends that time.
/// </summary>
public sealed class UrgentStop : IDisposable
{
    private readonly CancellationTokenSource _asked = new();
    private readonly CancellationTokenSource _requested = new();
    private readonly PosixSignalRegistration[] _registrations;
    private int _signals;

    public UrgentStop() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Receive),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Receive),
    ];

    /// <summary>Fires with the first signal.</summary>
    public CancellationToken Asked => _asked.Token;

    /// <summary>Fires when nothing is waited for any more.</summary>
    public CancellationToken Token => _requested.Token;

    /// <summary>What the first signal does.</summary>
    internal Task AskAsync() => _asked.CancelAsync();

    /// <summary>What the second signal does.</summary>
    internal Task RequestAsync() => _requested.CancelAsync();

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }
        _asked.Dispose();
        _requested.Dispose();
    }

    /// <remarks>That the process does not end at once is the host's doing, while there is one.</remarks>
    private void Receive(PosixSignalContext context)
    {
        // Not on this thread, which receives the signals.
        _ = Interlocked.Increment(ref _signals) > 1 ? RequestAsync() : AskAsync();
    }
}

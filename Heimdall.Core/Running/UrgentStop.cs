using System.Runtime.InteropServices;

namespace Heimdall.Core.Running;

/// <summary>
/// Hears the second signal to stop. The first (SIGTERM, or SIGINT as from Ctrl-C) lets what runs come to its end, which is the host's
/// affair; the second means now.
/// </summary>
public sealed class UrgentStop : IDisposable
{
    private readonly CancellationTokenSource _requested = new();
    private readonly PosixSignalRegistration[] _registrations;
    private int _signals;

    public UrgentStop() => _registrations = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT }.Select(signal => PosixSignalRegistration.Create(signal, Hear))];

    /// <summary>Fires when nothing is waited for any more.</summary>
    public CancellationToken Token => _requested.Token;

    /// <summary>What the second signal does.</summary>
    internal Task RequestAsync() => _requested.CancelAsync();

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }
        _requested.Dispose();
    }

    /// <remarks>That the process does not end at once is the host's doing, while there is one.</remarks>
    private void Hear(PosixSignalContext context)
    {
        if (Interlocked.Increment(ref _signals) > 1)
        {
            _ = RequestAsync(); // not on this thread, which hears the signals
        }
    }
}

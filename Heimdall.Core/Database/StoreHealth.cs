using System.Diagnostics;

namespace Heimdall.Core.Database;

/// <summary>
/// Whether this process can work: the store takes a write, lets a place be taken out of a queue, and has the schema of
/// this version. All who ask within a second share one look.
/// </summary>
public sealed class StoreHealth
{
    /// <summary>How long a look may take.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly StoreReadiness _readiness;
    private readonly StoreDatabase _database;
    private readonly StoreProbe _probe;
    private readonly StoreClock _clock;
    private readonly Lock _lock = new();
    private Task<string?> _look = Task.FromResult<string?>(null);
    private long? _lookedAt;
    private bool _mayStay;

    internal StoreHealth(StoreReadiness readiness, StoreDatabase database, StoreProbe probe, StoreClock clock) =>
        (_readiness, _database, _probe, _clock) = (readiness, database, probe, clock);

    /// <returns>Why it cannot; null when it can.</returns>
    public async Task<string?> FindProblemAsync(CancellationToken cancellationToken) =>
        _readiness.IsReady ? await ShareLook().WaitAsync(cancellationToken) : _readiness.Reason;

    /// <summary>The same for an operator or a probe: in the first line whether it can, then what else they should know.</summary>
    public async Task<StoreReport> ReportAsync(CancellationToken cancellationToken)
    {
        var problem = await FindProblemAsync(cancellationToken);
        var clock = _clock.FindProblem();
        return new StoreReport(
            problem is null, (problem is null ? "ready" : $"not ready: {problem}") + (clock is null ? "" : $"\n{clock}"));
    }

    private Task<string?> ShareLook()
    {
        lock (_lock)
        {
            if (_look.IsCompleted && (_lookedAt is not { } at || Stopwatch.GetElapsedTime(at) >= Fresh))
            {
                _look = LookAsync();
            }
            return _look;
        }
    }

    private async Task<string?> LookAsync()
    {
        await Task.Yield(); // the lock is given back first
        var (problem, mayStay) = await AskAsync();
        if (_mayStay && !mayStay)
        {
            _database.DropIdle(); // sessions that were opened meanwhile may have kept the problem
        }
        _mayStay = mayStay;
        lock (_lock)
        {
            _lookedAt = Stopwatch.GetTimestamp();
        }
        return problem;
    }

    /// <returns>The problem, and whether a session may keep it.</returns>
    private async Task<(string? Reason, bool MayStay)> AskAsync()
    {
        using var bound = new CancellationTokenSource(Timeout);
        try
        {
            // Not only bounded by the token: while the store keeps silent, Npgsql asks it to cancel before it gives up.
            return (await _probe.FindProblemAsync(bound.Token).WaitAsync(bound.Token), false);
        }
        catch (Exception exception) // whatever it is, a look must not end the process
        {
            return (StoreProblem.Of(exception), StoreProblem.StaysInSession(exception));
        }
    }
}

/// <param name="IsReady">Whether the process can work.</param>
/// <param name="Text">One line, and one more where the clock of this process is wrong.</param>
public sealed record StoreReport(bool IsReady, string Text);

using System.Diagnostics;
using System.Transactions;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Upkeep;

/// <summary>
/// Does the upkeep of all processes in one of them. Whichever holds the lock is the keeper; the others ask for it once
/// a lease. Two may hold themselves for it for a moment, when the first has lost its session and not noticed: every
/// sweep passes over what another one has locked, and finds done what another one has done. A keeper whose sweeps get
/// no connection, as when its process is busy with all of them, leaves the upkeep to another process.
/// </summary>
internal sealed partial class Keeper : BackgroundService
{
    /// <summary>
    /// So many sweeps that are due by the time alone run at once: a small process has few connections.
    /// </summary>
    private const int PeriodicAtOnce = 3;

    /// <summary>A process that leaves the upkeep to others waits for so long: they ask once a lease.</summary>
    private const int LeasesOfOthers = 3;

    private static readonly TimeSpan LongestRound = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _woken = new(0, 1);
    private readonly SemaphoreSlim _periodic = new(PeriodicAtOnce);
    private readonly StoreDatabase _database;
    private readonly IReadOnlyList<Sweep> _sweeps;
    private readonly string[] _conditions;
    private readonly UpkeepMetrics _metrics;
    private readonly StoreReadiness _readiness;
    private readonly TimeSpan _lease;
    private readonly TimeSpan _round;
    private readonly ILogger<Keeper> _logger;

    public Keeper(
        StoreDatabase database, IReadOnlyList<Sweep> sweeps, UpkeepMetrics metrics, StoreNotifications notifications,
        StoreReadiness readiness, HeimdallConfig config, ILogger<Keeper> logger)
    {
        _database = database;
        _sweeps = sweeps;
        _conditions = [.. _sweeps.Select(sweep => sweep.Condition).OfType<string>()];
        _metrics = metrics;
        _readiness = readiness;
        _lease = config.Worker.Lease;
        _round = _lease / 2 < LongestRound ? _lease / 2 : LongestRound; // the server hears of this session in each
        _logger = logger;
        notifications.Listen(JobPredecessors.Channel, _ => Wake());
    }

    public override void Dispose()
    {
        _woken.Dispose();
        _periodic.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _readiness.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                if (await TryLeadAsync(stoppingToken))
                {
                    await Task.Delay(LeasesOfOthers * _lease, stoppingToken);
                }
            }
            catch (Exception exception) when (exception is NpgsqlException or IOException or TimeoutException)
            {
                LogLost(exception.Message);
            }
            await Task.Delay(_lease, stoppingToken);
        }
    }

    /// <returns>
    /// False when another process is the keeper. True when this one was, and leaves it to others.
    /// </returns>
    private async Task<bool> TryLeadAsync(CancellationToken stopping)
    {
        await using var session = await KeeperSession.TryOpenAsync(_database, _conditions, _lease, stopping);
        if (session is null)
        {
            return false;
        }
        await LeadAsync(session, stopping);
        return true;
    }

    /// <summary>Comes back when the sweeps of this process get no connection although its session lives.</summary>
    private async Task LeadAsync(KeeperSession session, CancellationToken stopping)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var turns = _sweeps.Select(sweep => new SweepTurn(sweep)).ToArray();
        _metrics.Leads(true);
        LogLeads();
        try
        {
            CutOff? cutOff;
            do
            {
                var holds = new Queue<bool>(await session.LookAsync(stopping));
                foreach (var turn in turns)
                {
                    if (turn.IsDue(turn.Sweep.Condition is null || holds.Dequeue()))
                    {
                        turn.Begin(RunAsync(turn, over.Token).ContinueWith(
                            _ => WakeFor(turn), TaskScheduler.Default));
                    }
                }
                await _woken.WaitAsync(_round, stopping);
                cutOff = turns.Select(turn => turn.CutOff).OfType<CutOff>()
                    .FirstOrDefault(one => one.IsTooLong(_lease));
            }
            while (cutOff is null);
            LogLeft(cutOff.Reason);
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll(turns.Select(turn => turn.Running));
            _metrics.Leads(false);
        }
    }

    private async Task RunAsync(SweepTurn turn, CancellationToken cancellationToken)
    {
        await Task.Yield(); // one that is slow to begin holds up no other
        if (turn.Sweep.Condition is not null)
        {
            await SweepAsync(turn, cancellationToken);
            return;
        }
        await _periodic.WaitAsync(cancellationToken);
        try
        {
            await SweepAsync(turn, cancellationToken);
        }
        finally
        {
            _periodic.Release();
        }
    }

    private async Task SweepAsync(SweepTurn turn, CancellationToken cancellationToken)
    {
        var sweep = turn.Sweep;
        var begun = Stopwatch.GetTimestamp();
        Exception? failure = null;
        try
        {
            await sweep.RunAsync(cancellationToken);
            turn.CutOff = null;
        }
        catch (Exception exception) when (IsNoted(exception) && cancellationToken.IsCancellationRequested)
        {
            LogStopped(sweep.Name, exception.Message);
        }
        catch (Exception exception) when (IsNoted(exception) && (StoreRetry.IsAway(exception)
            || exception is TransactionException or IOException or UnauthorizedAccessException))
        {
            LogPostponed(sweep.Name, exception.Message);
            turn.CutOff = CutOff.After(turn.CutOff, exception, Stopwatch.GetElapsedTime(0), _lease);
        }
        catch (Exception exception) when (IsNoted(exception))
        {
            LogFailed(exception, sweep.Name); // it is tried again, and the other sweeps go on
            turn.CutOff = null;
        }
        _metrics.Swept(sweep.Name, Stopwatch.GetElapsedTime(begun), failure);

        bool IsNoted(Exception exception) => (failure = exception) is not null;
    }

    /// <summary>What was due again while a sweep ran is not left to the next round.</summary>
    private void WakeFor(SweepTurn turn)
    {
        if (turn.WasDueMeanwhile)
        {
            Wake();
        }
    }

    private void Wake()
    {
        lock (_woken)
        {
            if (_woken.CurrentCount == 0)
            {
                _woken.Release();
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "This process does the upkeep for all processes from now on")]
    private partial void LogLeads();

    [LoggerMessage(LogLevel.Warning, "This process does not do the upkeep for all processes any more: {Reason}")]
    private partial void LogLost(string reason);

    [LoggerMessage(
        LogLevel.Warning,
        "This process leaves the upkeep for all processes to another one: its own gets no connection to the store. {Reason}")]
    private partial void LogLeft(string reason);

    [LoggerMessage(LogLevel.Debug, "Upkeep of {Sweep} was stopped: {Reason}")]
    private partial void LogStopped(string sweep, string reason);

    [LoggerMessage(LogLevel.Warning, "Upkeep of {Sweep} is postponed: {Reason}")]
    private partial void LogPostponed(string sweep, string reason);

    [LoggerMessage(LogLevel.Error, "Upkeep of {Sweep} has failed")]
    private partial void LogFailed(Exception exception, string sweep);

    /// <summary>When a sweep was begun last, and whether it still runs.</summary>
    private sealed class SweepTurn(Sweep sweep)
    {
        private long? _begun;
        private volatile bool _wasDueMeanwhile;
        private volatile CutOff? _cutOff;

        /// <summary>Null: it got its connections when it was last done.</summary>
        public CutOff? CutOff
        {
            get => _cutOff;
            set => _cutOff = value;
        }

        public Sweep Sweep => sweep;

        public Task Running { get; private set; } = Task.CompletedTask;

        public bool WasDueMeanwhile => _wasDueMeanwhile;

        public bool IsDue(bool hasWork)
        {
            if (!Running.IsCompleted)
            {
                _wasDueMeanwhile |= hasWork && sweep.Condition is not null;
                return false;
            }
            return hasWork && (_begun is not { } begun || Stopwatch.GetElapsedTime(begun) >= sweep.Interval);
        }

        public void Begin(Task running)
        {
            _begun = Stopwatch.GetTimestamp();
            _wasDueMeanwhile = false;
            Running = running;
        }
    }
}

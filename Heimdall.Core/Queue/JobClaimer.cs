using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Queue;

/// <summary>
/// Claims jobs for all idle slots of this process, several in one statement. It looks when jobs are announced, when a
/// slot becomes idle, and each second: for an announcement that was lost, for jobs whose time has come, and for those
/// of workers that have died.
/// </summary>
public sealed partial class JobClaimer : IJobSource, IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// After so many claims that another process was ahead of, what is left of the lanes is found by the next look.
    /// </summary>
    private const int MostInVain = 5;

    /// <summary>
    /// How long a slot has from the claim to the run; the lease, where that is longer. Between them Hangfire changes the
    /// state of its entry, which takes milliseconds. On a connection whose other end has vanished it tries for minutes.
    /// </summary>
    private static readonly TimeSpan LeastTimeToBegin = TimeSpan.FromSeconds(60);

    /// <summary>
    /// So long after a claim the next one comes: the more slots become idle in that time, the more jobs one takes.
    /// </summary>
    private static readonly TimeSpan ClaimPace = TimeSpan.FromMilliseconds(10);

    /// <summary>How soon to try again when another process was taking the same jobs.</summary>
    private static readonly TimeSpan ContentionDelay = TimeSpan.FromMilliseconds(5);

    private readonly StoreDatabase _database;
    private readonly WaitingJobs _waiting;
    private readonly FanOutUpkeep _fanOuts;
    private readonly ClaimedJobs _claimed;
    private readonly QueueEntries _entries;
    private readonly JobReach _reach;
    private readonly StoreNotifications _notifications;
    private readonly JobMetrics _jobs;
    private readonly QueueMetrics _metrics;
    private readonly TimeSpan _lease;
    private readonly TimeSpan _timeToBegin;
    private readonly ILogger<JobClaimer> _logger;

    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource<ClaimedJob>> _idle = [];
    private readonly HashSet<JobLane> _announced = [];
    private readonly SemaphoreSlim _woken = new(0, 1);
    private readonly WaitingLanes _lanes = new();
    private JobLane? _continueAfter;
    private long _claimedAt;
    private bool _mustLook = true;
    private bool _hasReturned;

    public JobClaimer(
        StoreDatabase database,
        WaitingJobs waiting,
        FanOutUpkeep fanOuts,
        ClaimedJobs claimed,
        QueueEntries entries,
        JobReach reach,
        StoreNotifications notifications,
        JobMetrics jobs,
        QueueMetrics metrics,
        HeimdallConfig config,
        ILogger<JobClaimer> logger)
    {
        _database = database;
        _waiting = waiting;
        _fanOuts = fanOuts;
        _claimed = claimed;
        _entries = entries;
        _reach = reach;
        _notifications = notifications;
        _jobs = jobs;
        _metrics = metrics;
        _lease = config.Worker.Lease;
        _timeToBegin = _lease > LeastTimeToBegin ? _lease : LeastTimeToBegin;
        _logger = logger;
        notifications.Listen(JobLane.Channel, OnAnnounced);
    }

    public void Dispose() => _woken.Dispose();

    public ClaimedJob Take(CancellationToken cancellationToken)
    {
        var slot = new TaskCompletionSource<ClaimedJob>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var canceled = cancellationToken.Register(() => slot.TrySetCanceled(cancellationToken));
        lock (_lock)
        {
            _idle.AddLast(slot);
            _mustLook = _hasReturned = true; // a job has ended, and a limit may have room again
        }
        Wake();
        var claim = slot.Task.GetAwaiter().GetResult();
        _claimed.EnterSlot(claim);
        return claim;
    }

    public async Task ReleaseAsync(ClaimedJob claim, bool isRefused)
    {
        if (await TryPutBackAsync(claim, isRefused))
        {
            return;
        }
        try
        {
            if (claim is { Answer: { Answer: QueueAnswer.Ended, Job: { } ended }, IsShown: false })
            {
                // Hangfire may have found its entry in another state than that of a job that runs: a crash of the
                // store's server loses what was not on disk. Or it could not write the end: after ten tries it writes
                // that the job has failed, whatever became of it.
                await _entries.ShowLaterAsync(ended);
            }
        }
        finally
        {
            _claimed.Remove(claim);
        }
    }

    /// <summary>Claims until it is stopped. A claim on its way is waited for: nobody else knows of it.</summary>
    internal async Task RunAsync(CancellationToken stopping)
    {
        _metrics.BeginAtZero();
        Task[] all = [ClaimForSlotsAsync(stopping), ReleaseStuckAsync(stopping)];
        await await Task.WhenAny(all); // the first to fail fails the service, and that is seen: the host stops
        await Task.WhenAll(all);
    }

    private async Task ClaimForSlotsAsync(CancellationToken stopping)
    {
        long? looked = null;
        while (!stopping.IsCancellationRequested)
        {
            if (CountIdle() > 0)
            {
                try
                {
                    if (looked is not { } last || Stopwatch.GetElapsedTime(last) >= LookInterval || MustLook())
                    {
                        looked = Stopwatch.GetTimestamp();
                        await LookAsync();
                    }
                    await ClaimAsync(stopping);
                }
                catch (NpgsqlException exception) when (StoreRetry.IsAway(exception))
                {
                    LogAway(exception.Message);
                    _database.DropIdleAfter(exception);
                    looked = Stopwatch.GetTimestamp();
                }
            }
            var pause = CountIdle() > 0 && looked is { } at
                ? LookInterval - Stopwatch.GetElapsedTime(at)
                : Timeout.InfiniteTimeSpan;
            if (pause > TimeSpan.Zero || pause == Timeout.InfiniteTimeSpan)
            {
                await _woken.WaitAsync(pause, stopping).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
    }

    /// <summary>
    /// A job whose slot is stuck waits again, for another slot or another worker. When its slot comes after all, the
    /// claim is gone, and the slot leaves the job alone.
    /// </summary>
    private async Task ReleaseStuckAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            foreach (var claim in _claimed.FindStuck(_timeToBegin))
            {
                if (await TryPutBackAsync(claim, isRefused: false))
                {
                    LogStuck(claim.Job.Id, _timeToBegin.TotalSeconds);
                }
            }
            await Task.Delay(LookInterval, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync()
    {
        var view = await _waiting.LookAsync(_continueAfter, _lease, CancellationToken.None);
        _continueAfter = view.Continue;
        foreach (var lane in view.Ready.Where(_reach.Covers))
        {
            _lanes.Add(lane);
        }
        // A store that was away has kept the living from renewing their leases, this process among them.
        if (view.IsAbandoned && !_notifications.HasBeenAway(within: _lease))
        {
            var taken = await _waiting.TakeOverAsync(
                CountIdle(), _reach.Clusters, _reach.Commands, _claimed.Ids, RunnerName.OfThisProcess, _lease,
                CancellationToken.None);
            foreach (var job in taken)
            {
                LogTakenOver(job.Id, job.Attempt - 1);
                _jobs.Lost(job);
                await HandOutAsync(job, isTakeOver: true);
            }
        }
    }

    private async Task ClaimAsync(CancellationToken stopping)
    {
        if (TakeReturned())
        {
            _lanes.Reopen();
        }
        var inVain = 0;
        while (!stopping.IsCancellationRequested && CountIdle() is > 0 and var wanted)
        {
            AddAnnounced();
            if (_lanes.IsEmpty)
            {
                return;
            }
            if (ClaimPace - Stopwatch.GetElapsedTime(_claimedAt) is var left && left > TimeSpan.Zero)
            {
                await Task.Delay(left, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue; // others have become idle meanwhile
            }
            _claimedAt = Stopwatch.GetTimestamp();
            var offered = _lanes.InTurn(wanted);
            var claim = await _waiting.ClaimAsync(
                offered, wanted, RunnerName.OfThisProcess, _lease, CancellationToken.None);
            _metrics.Claimed(_claimedAt, claim.Jobs.Count);
            foreach (var lane in claim.Closed)
            {
                _lanes.Close(lane);
            }
            inVain = claim is { More: true, Jobs.Count: 0 } ? inVain + 1 : 0;
            if (!claim.More || inVain >= MostInVain)
            {
                foreach (var (lane, _) in offered.ExceptBy(claim.Closed, lane => lane.Lane))
                {
                    _lanes.Remove(lane);
                }
            }
            foreach (var job in claim.Jobs)
            {
                _lanes.Served(job.User);
                await HandOutAsync(job, isTakeOver: false);
            }
            if (inVain > 0)
            {
                await Task.Delay(ContentionDelay, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task HandOutAsync(Job job, bool isTakeOver)
    {
        var claim = new ClaimedJob(job, isTakeOver);
        _claimed.Add(claim); // from now on its lease is renewed

        // The entry of a first attempt is as it was made. That of a later one is where the last attempt has left it.
        var isReady = job.Attempt == 1 || await TryMakeReadyAsync(claim);
        while (isReady && TryTakeSlot(out var slot))
        {
            claim.HandedOut = Stopwatch.GetTimestamp();
            if (slot.TrySetResult(claim))
            {
                return;
            }
        }
        await ReleaseAsync(claim, isRefused: false); // the process stops, and its slots wait for nothing any more
    }

    private async Task<bool> TryMakeReadyAsync(ClaimedJob claim)
    {
        try
        {
            claim.Job = await Task.Run(() => _entries.MakeReadyAsync(claim.Job, CancellationToken.None))
                .WaitAsync(_timeToBegin);
            return true;
        }
        catch (Exception exception)
            when (exception is NpgsqlException or TimeoutException || QueueEntries.IsPassing(exception))
        {
            LogNotReady(claim.Job.Id, exception.Message);
            return false;
        }
    }

    /// <returns>False, and nothing is done, when the job has begun, or was put back already.</returns>
    private async Task<bool> TryPutBackAsync(ClaimedJob claim, bool isRefused)
    {
        if (!claim.TryAbandon())
        {
            return false;
        }
        try
        {
            if (isRefused)
            {
                LogRefused(claim.Job.Id);
                await _entries.MakeReadyAsync(claim.Job, CancellationToken.None);
            }
            var (id, attempt) = (claim.Job.Id, claim.Job.Attempt);
            await (claim.Job.ParentId is { } parent
                ? _fanOuts.ReturnAsync(parent, id, attempt, claim.IsTakeOver, CancellationToken.None)
                : _waiting.ReturnAsync(id, attempt, claim.IsTakeOver, CancellationToken.None));
        }
        catch (Exception exception) when (exception is NpgsqlException || QueueEntries.IsPassing(exception))
        {
            LogNotReturned(claim.Job.Id, exception.Message); // its lease ends, and somebody takes it over
        }
        finally
        {
            _claimed.Remove(claim); // or its lease is renewed for ever
        }
        return true;
    }

    private bool TryTakeSlot([NotNullWhen(true)] out TaskCompletionSource<ClaimedJob>? slot)
    {
        lock (_lock)
        {
            slot = _idle.First?.Value;
            if (slot is not null)
            {
                _idle.RemoveFirst();
            }
            return slot is not null;
        }
    }

    private int CountIdle()
    {
        lock (_lock)
        {
            for (var node = _idle.First; node is not null;)
            {
                var next = node.Next;
                if (node.Value.Task.IsCompleted) // cancelled: the process stops
                {
                    _idle.Remove(node);
                }
                node = next;
            }
            return _idle.Count;
        }
    }

    /// <summary>Whether something has changed of which no announcement names the lane.</summary>
    private bool MustLook()
    {
        lock (_lock)
        {
            return _mustLook && _lanes.IsEmpty && _announced.Count == 0 && !(_mustLook = false);
        }
    }

    private bool TakeReturned()
    {
        lock (_lock)
        {
            var hasReturned = _hasReturned;
            _hasReturned = false;
            return hasReturned;
        }
    }

    private void AddAnnounced()
    {
        lock (_lock)
        {
            foreach (var lane in _announced.Where(_reach.Covers))
            {
                _lanes.Add(lane);
            }
            _announced.Clear();
        }
    }

    private void OnAnnounced(string payload)
    {
        lock (_lock)
        {
            if (JobLane.FromPayload(payload) is { } lane)
            {
                _announced.Add(lane);
            }
            else
            {
                _mustLook = true;
            }
        }
        Wake();
    }

    private void Wake()
    {
        lock (_lock)
        {
            if (_woken.CurrentCount == 0)
            {
                _woken.Release();
            }
        }
    }

    [LoggerMessage(
        LogLevel.Warning, "Job {JobId} taken over: the runner of attempt {Attempt} has not renewed its lease")]
    private partial void LogTakenOver(Guid jobId, int attempt);

    [LoggerMessage(
        LogLevel.Warning,
        "Job {JobId} was claimed {Seconds} s ago and has not begun: its slot waits for the store. It is put back")]
    private partial void LogStuck(Guid jobId, double seconds);

    [LoggerMessage(LogLevel.Warning, "No jobs can be claimed: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(LogLevel.Warning, "Job {JobId}: Hangfire's entry was in no state to be run; it is made ready again")]
    private partial void LogRefused(Guid jobId);

    [LoggerMessage(LogLevel.Warning, "Job {JobId}: Hangfire's entry could not be made ready: {Reason}")]
    private partial void LogNotReady(Guid jobId, string reason);

    [LoggerMessage(
        LogLevel.Warning,
        "Job {JobId} was claimed and could not be put back: {Reason}. It is taken over when its lease has ended")]
    private partial void LogNotReturned(Guid jobId, string reason);
}

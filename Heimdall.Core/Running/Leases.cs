using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Queue;
using Heimdall.Core.Telemetry;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Running;

/// <summary>
/// The leases of the jobs that run in this process: renewed together, in one statement for all. Requests to cancel are
/// passed on: at once when they are announced, and with the next renewal when the announcement was lost.
/// </summary>
internal sealed partial class Leases : BackgroundService
{
    private readonly ConcurrentDictionary<Guid, RunningAttempt> _attempts = new();
    private readonly JobClaims _claims;
    private readonly ClaimedJobs _claimed;
    private readonly AttemptWriter _writer;
    private readonly StoreDatabase _database;
    private readonly TimeSpan _lease;
    private readonly ILogger<Leases> _logger;

    public Leases(
        JobClaims claims, ClaimedJobs claimed, AttemptWriter writer, StoreDatabase database,
        StoreNotifications notifications, IMeterFactory meters, HeimdallConfig config, ILogger<Leases> logger)
    {
        var meter = meters.CreateHeimdallMeter();
        meter.CreateObservableGauge(
            "heimdall.job.running", () => _attempts.Count, "{job}", "Jobs that this process runs.");
        meter.CreateObservableGauge(
            "heimdall.lease.age", FindOldest, "s",
            "Time since the renewal of the lease that was renewed the longest ago; 0 while no job runs.");
        _claims = claims;
        _claimed = claimed;
        _writer = writer;
        _database = database;
        _lease = config.Worker.Lease;
        _logger = logger;
        notifications.Listen(JobTransitions.CancelChannel, OnCancelAnnounced);
    }

    /// <summary>Whether an attempt of the job runs in this process.</summary>
    public bool Holds(Guid jobId) => _attempts.ContainsKey(jobId);

    /// <summary>An earlier attempt of the job that still runs here is stopped: the job is no longer its.</summary>
    public RunningAttempt Begin(Job job)
    {
        var attempt = new RunningAttempt(job, ended => _attempts.TryRemove(new(ended.JobId, ended)));
        RunningAttempt? earlier = null;
        _attempts.AddOrUpdate(
            job.Id, attempt,
            (_, found) =>
            {
                earlier = found;
                return attempt;
            });
        earlier?.Lose();
        return attempt;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested || !_attempts.IsEmpty)
        {
            // Not ended by the stop signal alone: while running jobs drain, their leases must live on.
            await Task.Delay(_lease / 3, _attempts.IsEmpty ? stoppingToken : CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await RenewAsync();
        }
    }

    private double FindOldest() =>
        _attempts.Values.Select(attempt => attempt.LeaseAge.TotalSeconds).DefaultIfEmpty(0).Max();

    private async Task RenewAsync()
    {
        var attempts = _attempts.Values.ToArray();
        var notBegun = _claimed.NotBegun;
        if (attempts.Length + notBegun.Count == 0)
        {
            return;
        }
        // The second try is on another connection: the first may be one whose other end has vanished.
        if (!await TryRenewAsync(attempts, notBegun))
        {
            _database.DropIdle();
            await TryRenewAsync(attempts, notBegun);
        }
    }

    private async Task<bool> TryRenewAsync(RunningAttempt[] attempts, IReadOnlyList<Job> notBegun)
    {
        try
        {
            var asked = LeaseClock.Now;
            using var bound = new CancellationTokenSource(_lease / 2);
            var mine = await _claims.RenewAsync(
                [.. attempts.Select(attempt => (attempt.JobId, attempt.Attempt)), .. notBegun.Select(job => (job.Id, job.Attempt))], _lease, bound.Token);
            foreach (var attempt in attempts)
            {
                if (mine.ContainsKey(attempt.JobId))
                {
                    attempt.Renewed(asked);
                }
                await PassAsync(attempt, mine, bound.Token);
            }
            return true;
        }
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException)
        {
            // Nobody else can take the jobs over while the store is away.
            LogNotRenewed(attempts.Length, exception.Message);
            return false;
        }
    }

    private async Task PassAsync(RunningAttempt attempt, IReadOnlyDictionary<Guid, JobStatus> mine, CancellationToken cancellationToken)
    {
        if (!mine.TryGetValue(attempt.JobId, out var status))
        {
            var found = attempt.Job.IsSync ? await _claims.FindAsync(attempt.JobId, cancellationToken) : null;
            if (attempt.Job.IsSync && found is null)
            {
                // The store's server has crashed before it had the record on disk: it is nobody else's.
                await _writer.RestoreAsync(attempt.Job, RunnerName.OfThisProcess, _lease, isDurable: true);
            }
            else if (found?.Attempt == attempt.Attempt && !found.Status.IsFinal())
            {
                return; // brought back in this moment, by another renewal
            }
            // Settled in this moment, or somebody else's. The first has left the list of attempts.
            else if (_attempts.TryGetValue(attempt.JobId, out var current) && current == attempt)
            {
                attempt.Lose();
            }
        }
        else if (status == JobStatus.Canceling && !attempt.IsCancelRequested)
        {
            attempt.RequestCancel();
        }
    }

    private void OnCancelAnnounced(string payload)
    {
        if (Guid.TryParse(payload, out var id))
        {
            if (_attempts.TryGetValue(id, out var attempt))
            {
                _ = Task.Run(attempt.RequestCancel); // the listener must not wait for what the job does about it
            }
        }
        else if (!_attempts.IsEmpty)
        {
            _ = RenewAsync(); // something may have been missed: the statuses tell
        }
    }

    [LoggerMessage(LogLevel.Warning, "The leases of {Count} running jobs could not be renewed: {Reason}")]
    private partial void LogNotRenewed(int count, string reason);
}

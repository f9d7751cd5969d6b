using System.Diagnostics;
using System.Diagnostics.Metrics;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Telemetry;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Monitoring;

/// <summary>
/// What the store's tables say of all processes together: jobs that wait and run, the oldest of them, schedules that
/// are overdue, the difference of the clocks. A scrape begins a reading, waits for it for a moment, and shows the last
/// one that succeeded. Only open jobs are read, and a limited number of them.
/// </summary>
internal sealed partial class StoreGauges
{
    /// <summary>How long one reading holds, at least.</summary>
    internal static readonly TimeSpan LeastAge = TimeSpan.FromSeconds(5);

    /// <summary>Waiting jobs beyond so many are not counted.</summary>
    internal const int MostWaiting = 100_000;

    /// <summary>
    /// The next reading begins after so many times the duration of the last one, also of one that failed. So readings
    /// take at most a twentieth of one backend's time.
    /// </summary>
    private const int PauseFactor = 20;

    /// <summary>Clusters can be made over REST.</summary>
    private const int MostClusters = 200;

    /// <summary>A scrape waits so long for a reading; then it shows the one before.</summary>
    private static readonly TimeSpan MostWait = TimeSpan.FromSeconds(2);

    /// <summary>While readings fail, the log has one line for each of these.</summary>
    private static readonly TimeSpan WarningInterval = TimeSpan.FromMinutes(1);

    // Jobs that wait for a time or for other jobs (retry_at) do not wait for their turn. The oldest jobs are read in
    // the order of job_waiting. Each change that makes a job ready sets its updated_at. The row without a cluster is
    // for the schedules, and for jobs that wait for an approval.
    internal static readonly string ReadSql = $"""
        with paused as materialized (
            select scope, target from pause where until is null or until > now()),
        oldest as materialized (
            select cluster_id, command_id, retry_at is not null as is_later,
                greatest(created_at, start_after, updated_at) as since
            from job where status = 'ACCEPTED' order by created_at, id limit {MostWaiting}),
        waiting as (
            select cluster_id, is_later, count(*) as jobs, min(since) as since, {IsPaused("oldest")} as is_paused
            from oldest group by cluster_id, command_id, is_later),
        running as (
            select cluster_id, count(*) as jobs, {IsPaused("job")} as is_paused,
                count(*) filter (where lease_until < now()) as overdue,
                count(*) filter (where lease_until < now() and is_sync) as overdue_inline
            from job where status in ('RUNNING', 'CANCELING') and fan_out is null group by cluster_id, command_id)
        select cluster_id, sum(ready)::bigint as ready, sum(later)::bigint as later, sum(paused)::bigint as paused,
            sum(running)::bigint as running, extract(epoch from clock_timestamp() - min(since))::float8 as age,
            sum(overdue)::bigint as overdue
        from (
            select cluster_id, case when not is_later and not is_paused then jobs else 0 end as ready,
                case when is_later then jobs else 0 end as later,
                case when not is_later and is_paused then jobs else 0 end as paused, 0 as running,
                case when not is_later and not is_paused then since end as since, 0 as overdue
            from waiting
            union all
            select cluster_id, 0, 0, 0, jobs, null, case when is_paused then overdue_inline else overdue end
            from running) open
        group by cluster_id
        union all
        select null, null, null, null, null, extract(epoch from clock_timestamp() - min(next_at))::float8,
            (select count(*) from (
                select from job
                where status = 'WAITING_FOR_APPROVAL' and parent_id is null limit {MostWaiting}) unapproved)
        from schedule where next_at < now() and paused_at is null and removed_at is null
        order by ready desc nulls first
        limit {MostClusters + 1}
        """;

    private readonly StoreDatabase _database;
    private readonly StoreReadiness _readiness;
    private readonly Func<IEnumerable<string>> _knownClusters;
    private readonly TimeProvider _clock;
    private readonly ILogger<StoreGauges> _logger;
    private readonly Lock _lock = new();
    private Task _reading = Task.CompletedTask;
    private long _readingStarted; // of Stopwatch: a scrape waits in real time
    private long? _readAt;
    private TimeSpan _holds;
    private long? _warnedAt;
    private bool _isStopped;
    private volatile StoreState _state = StoreState.Down;

    /// <param name="meter">Shows them.</param>
    /// <param name="database">The store.</param>
    /// <param name="readiness">Nothing is asked of a store that is not ready.</param>
    /// <param name="knownClusters">Ids of clusters that are shown also when they have no open jobs.</param>
    /// <param name="clock">This process's.</param>
    /// <param name="logger">Takes why the store was not read.</param>
    public StoreGauges(
        Meter meter,
        StoreDatabase database,
        StoreReadiness readiness,
        Func<IEnumerable<string>> knownClusters,
        TimeProvider clock,
        ILogger<StoreGauges> logger)
    {
        (_database, _readiness, _knownClusters) = (database, readiness, knownClusters);
        (_clock, _logger) = (clock, logger);
        meter.CreateObservableGauge(
            "heimdall.queue.depth", () => OfClusters(open => open.Ready), "{job}",
            $"Jobs that wait for their turn, of all processes. Of all that wait the oldest {MostWaiting} are counted.");
        meter.CreateObservableGauge(
            "heimdall.queue.oldest.age", () => OfClusters(open => open.Age), "s",
            "Longest time that a job waits for its turn, since its submission, its start time or its last attempt.");
        meter.CreateObservableGauge(
            "heimdall.queue.delayed", () => OfClusters(open => open.Delayed), "{job}",
            "Jobs that wait for a time or for other jobs, of all processes.");
        meter.CreateObservableGauge(
            "heimdall.queue.paused", () => OfClusters(open => open.Paused), "{job}",
            "Jobs that wait because the queue, their cluster or their command is paused.");
        meter.CreateObservableGauge(
            "heimdall.queue.unapproved", () => OfStore(state => state.Counts?.Unapproved), "{job}",
            "Jobs that wait for somebody's approval, without the children of others.");
        meter.CreateObservableGauge(
            "heimdall.queue.running", () => OfClusters(open => open.Running), "{job}",
            "Jobs that run, of all processes.");
        meter.CreateObservableGauge(
            "heimdall.lease.overdue", () => OfClusters(open => open.Overdue), "{job}",
            "Jobs that run, whose lease has expired and that another worker may take over.");
        meter.CreateObservableGauge(
            "heimdall.schedule.overdue.age", () => OfStore(state => state.Counts?.ScheduleAge), "s",
            "Time since the earliest run that should have begun and that no worker has started.");
        meter.CreateObservableGauge(
            "heimdall.store.up", () => Look().IsUp ? 1 : 0, unit: null,
            "Whether the store answered when it was last asked.");
        meter.CreateObservableGauge(
            "heimdall.store.reading.age",
            () => OfStore(state => state.Counts is { } counts ? _clock.GetElapsedTime(counts.At).TotalSeconds : null),
            "s", "Age of the numbers that were read from the store's tables.");
    }

    /// <summary>No reading begins any more; what was read last is still shown.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _isStopped = true;
        }
    }

    private static string IsPaused(string job) => $"""
        exists (select from paused where scope = 'queue' or scope = 'cluster' and target = {job}.cluster_id
            or scope = 'command' and target = {job}.command_id)
        """;

    private IEnumerable<Measurement<T>> OfClusters<T>(Func<OpenOnCluster, T> value)
        where T : struct =>
        Look().Counts is { } counts
            ? counts.Clusters.Select(open => new Measurement<T>(
                value(open), new KeyValuePair<string, object?>(JobTags.OfCluster, open.ClusterId)))
            : [];

    private IEnumerable<Measurement<double>> OfStore(Func<StoreState, double?> value) =>
        value(Look()) is { } number ? [new Measurement<double>(number)] : [];

    /// <summary>
    /// All gauges of one scrape wait for one reading, and together no longer than <see cref="MostWait"/>.
    /// </summary>
    private StoreState Look()
    {
        Task reading;
        TimeSpan left;
        lock (_lock)
        {
            if (!_readiness.IsReady)
            {
                return StoreState.Down;
            }
            if (!_isStopped && _reading.IsCompleted
                && (_readAt is not { } last || _clock.GetElapsedTime(last) >= _holds))
            {
                _readingStarted = Stopwatch.GetTimestamp();
                using (ExecutionContext.SuppressFlow()) // it is no part of the scrape, nor of a trace
                {
                    _reading = Task.Run(ReadAsync);
                }
            }
            reading = _reading;
            left = MostWait - Stopwatch.GetElapsedTime(_readingStarted);
        }
        if (!reading.IsCompleted && left > TimeSpan.Zero)
        {
            reading.Wait(left);
        }
        return _state;
    }

    private async Task ReadAsync()
    {
        var started = _clock.GetTimestamp();
        var isUp = false;
        try
        {
            await using var connection = await _database.Gauges.OpenConnectionAsync();
            await AskAsync(connection);
            _state = _state with { IsUp = true };
            isUp = true;
            _state = _state with { Counts = await CountAsync(connection) };
            _warnedAt = null;
        }
        catch (Exception exception) when (exception is NpgsqlException or TimeoutException or ObjectDisposedException)
        {
            if (!isUp)
            {
                _state = StoreState.Down;
            }
            Warn(exception.Message);
        }
        lock (_lock)
        {
            _readAt = _clock.GetTimestamp();
            var pause = _clock.GetElapsedTime(started, _readAt.Value) * PauseFactor;
            _holds = pause > LeastAge ? pause : LeastAge;
        }
    }

    /// <summary>Whether it answers at all: to count may take too long.</summary>
    private static async Task AskAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("select 1", connection);
        await command.ExecuteScalarAsync();
    }

    private async Task<StoreCounts> CountAsync(NpgsqlConnection connection)
    {
        var at = _clock.GetTimestamp();
        await using var command = new NpgsqlCommand(ReadSql, connection);
        await using var row = await command.ExecuteReaderAsync();
        var clusters = new List<OpenOnCluster>();
        var (scheduleAge, unapproved) = (0.0, 0L);
        while (await row.ReadAsync())
        {
            var age = row.IsDBNull(5) ? 0 : Math.Max(0, row.GetDouble(5));
            if (row.IsDBNull(0))
            {
                (scheduleAge, unapproved) = (age, row.GetInt64(6));
            }
            else
            {
                clusters.Add(new OpenOnCluster(
                    row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), age,
                    row.GetInt64(6)));
            }
        }
        var idle = _knownClusters().Except(clusters.Select(open => open.ClusterId))
            .Take(Math.Max(0, MostClusters - clusters.Count));
        clusters.AddRange(idle.Select(id => new OpenOnCluster(id, 0, 0, 0, 0, 0, 0)));
        return new StoreCounts(clusters, scheduleAge, unapproved, at);
    }

    private void Warn(string reason)
    {
        if (_warnedAt is not { } last || Stopwatch.GetElapsedTime(last) >= WarningInterval)
        {
            _warnedAt = Stopwatch.GetTimestamp();
            LogNotRead(reason);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The gauges of the store could not be read: {Reason}")]
    private partial void LogNotRead(string reason);

    private sealed record StoreState(bool IsUp, StoreCounts? Counts)
    {
        public static StoreState Down { get; } = new(IsUp: false, Counts: null);
    }

    /// <param name="Clusters">The open jobs of each.</param>
    /// <param name="ScheduleAge">How long the schedule that is overdue the longest is overdue.</param>
    /// <param name="Unapproved">How many jobs wait for an approval.</param>
    /// <param name="At">When their reading began.</param>
    private sealed record StoreCounts(
        IReadOnlyList<OpenOnCluster> Clusters, double ScheduleAge, long Unapproved, long At);

    private readonly record struct OpenOnCluster(
        string ClusterId, long Ready, long Delayed, long Paused, long Running, double Age, long Overdue);
}

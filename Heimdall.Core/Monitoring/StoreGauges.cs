using System.Diagnostics.Metrics;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Telemetry;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Monitoring;

/// <summary>
/// What the store's tables say of all processes together: jobs that wait and run, the oldest of them, schedules that
/// are overdue, the difference of the clocks. It is read when somebody looks, by one statement for all, and held for
/// some seconds. Only open jobs are read, however long the history is.
/// </summary>
internal sealed partial class StoreGauges
{
    /// <summary>How long one reading holds, at least.</summary>
    internal static readonly TimeSpan LeastAge = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A reading holds for so many times as long as it took: it never takes more than a part of the store's time.
    /// </summary>
    private const int Share = 20;

    /// <summary>Whoever looks waits no longer; then there are no values this time.</summary>
    private const int LimitSeconds = 3;

    /// <summary>Clusters can be made over REST.</summary>
    private const int MostClusters = 200;

    // Jobs that wait for a time or for other jobs (retry_at) do not wait for their turn. One row is for what is no
    // cluster's.
    internal static readonly string ReadSql = $"""
        select cluster_id,
            sum(ready)::bigint as ready, sum(later)::bigint as later, sum(running)::bigint as running,
            extract(epoch from clock_timestamp() - min(since))::float8 as age, sum(overdue)::bigint as overdue
        from (
            select cluster_id, count(*) filter (where retry_at is null) as ready,
                count(*) filter (where retry_at is not null) as later, 0 as running,
                min(greatest(created_at, start_after)) filter (where retry_at is null) as since, 0 as overdue
            from job where status = 'ACCEPTED' group by cluster_id
            union all
            select cluster_id, 0, 0, count(*), null, count(*) filter (where lease_until < now())
            from job where status in ('RUNNING', 'CANCELING') group by cluster_id) open
        group by cluster_id
        union all
        select null, null, null, null, extract(epoch from clock_timestamp() - min(next_at))::float8, null
        from schedule where next_at < now() and paused_at is null and removed_at is null
        order by ready desc nulls first
        limit {MostClusters + 1}
        """;

    /// <summary>
    /// The planner may take open jobs for many: it counts them once in a while. What is switched off counts as dear, and
    /// what is dear would be compiled, which takes seconds.
    /// </summary>
    internal const string ByIndexSql =
        "select set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)";

    private const string ClockSql = "select extract(epoch from clock_timestamp())::float8";

    private readonly StoreDatabase _database;
    private readonly StoreReadiness _readiness;
    private readonly Func<IEnumerable<string>> _knownClusters;
    private readonly TimeProvider _clock;
    private readonly ILogger<StoreGauges> _logger;
    private readonly Lock _lock = new();
    private StoreReading _reading = StoreReading.None;
    private long? _readAt;
    private TimeSpan _holds;

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
            "Jobs that wait for their turn, of all processes.");
        meter.CreateObservableGauge(
            "heimdall.queue.oldest.age", () => OfClusters(open => open.Age), "s",
            "How long the oldest of the jobs that wait for their turn could have started.");
        meter.CreateObservableGauge(
            "heimdall.queue.delayed", () => OfClusters(open => open.Later), "{job}",
            "Jobs that wait for a time or for other jobs, of all processes.");
        meter.CreateObservableGauge(
            "heimdall.queue.running", () => OfClusters(open => open.Running), "{job}",
            "Jobs that run, of all processes.");
        meter.CreateObservableGauge(
            "heimdall.lease.overdue", () => OfClusters(open => open.Overdue), "{job}",
            "Jobs that run and whose lease has expired.");
        meter.CreateObservableGauge(
            "heimdall.schedule.overdue.age", () => OfStore(reading => reading.ScheduleAge), "s",
            "How long the schedule that is the longest overdue has been so.");
        meter.CreateObservableGauge(
            "heimdall.clock.skew", () => OfStore(reading => reading.Skew), "s",
            "This process's clock minus the store's.");
        meter.CreateObservableGauge(
            "heimdall.store.up", () => Read().IsUp ? 1 : 0, unit: null,
            "Whether the store answered when it was last asked.");
    }

    private IEnumerable<Measurement<T>> OfClusters<T>(Func<OpenOnCluster, T> value)
        where T : struct =>
        Read().Clusters.Select(open => new Measurement<T>(
            value(open), new KeyValuePair<string, object?>(JobTags.OfCluster, open.ClusterId)));

    private IEnumerable<Measurement<double>> OfStore(Func<StoreReading, double> value) =>
        Read() is { IsUp: true } reading ? [new Measurement<double>(value(reading))] : [];

    /// <summary>Of those that look at one time the first reads, and the others wait for it.</summary>
    private StoreReading Read()
    {
        lock (_lock)
        {
            if (!_readiness.IsReady)
            {
                return StoreReading.None;
            }
            if (_readAt is { } last && _clock.GetElapsedTime(last) < _holds)
            {
                return _reading;
            }
            var started = _clock.GetTimestamp();
            try
            {
                _reading = ReadStore();
            }
            catch (Exception exception) when (exception is NpgsqlException or TimeoutException)
            {
                _reading = StoreReading.None;
                LogNotRead(exception.Message);
            }
            _readAt = _clock.GetTimestamp();
            var time = _clock.GetElapsedTime(started, _readAt.Value) * Share;
            _holds = _reading.IsUp && time > LeastAge ? time : LeastAge;
            return _reading;
        }
    }

    private StoreReading ReadStore()
    {
        using var connection = _database.DataSource.OpenConnection();
        using var batch = new NpgsqlBatch(connection)
        {
            Timeout = LimitSeconds,
            BatchCommands = { new(ClockSql), new(ByIndexSql), new(ReadSql) }, // one transaction
        };
        var asked = _clock.GetUtcNow();
        using var row = batch.ExecuteReader();
        row.Read();
        var answered = _clock.GetUtcNow();
        // The store has looked at its clock somewhere between the two.
        var middle = asked + ((answered - asked) / 2);
        var skew = (middle - DateTimeOffset.UnixEpoch).TotalSeconds - row.GetDouble(0);
        row.NextResult();
        row.NextResult();
        var clusters = new List<OpenOnCluster>();
        var scheduleAge = 0.0;
        while (row.Read())
        {
            if (row.IsDBNull(0))
            {
                scheduleAge = row.IsDBNull(4) ? 0 : row.GetDouble(4);
            }
            else
            {
                clusters.Add(new OpenOnCluster(
                    row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3),
                    row.IsDBNull(4) ? 0 : Math.Max(0, row.GetDouble(4)), row.GetInt64(5)));
            }
        }
        var idle = _knownClusters().Except(clusters.Select(open => open.ClusterId))
            .Take(Math.Max(0, MostClusters - clusters.Count));
        clusters.AddRange(idle.Select(id => new OpenOnCluster(id, 0, 0, 0, 0, 0)));
        return new StoreReading(IsUp: true, clusters, scheduleAge, skew);
    }

    [LoggerMessage(LogLevel.Warning, "The gauges of the store could not be read: {Reason}")]
    private partial void LogNotRead(string reason);

    private sealed record StoreReading(
        bool IsUp, IReadOnlyList<OpenOnCluster> Clusters, double ScheduleAge, double Skew)
    {
        public static StoreReading None { get; } = new(IsUp: false, [], 0, 0);
    }

    private readonly record struct OpenOnCluster(
        string ClusterId, long Ready, long Later, long Running, double Age, long Overdue);
}

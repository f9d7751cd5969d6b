using System.Diagnostics.Metrics;
using Heimdall.Core.Configuration;
using Heimdall.Core.Telemetry;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>What a process counts of the jobs that it takes in, runs and ends.</summary>
/// <remarks>Each method looks first whether anybody listens: one that is off costs a comparison.</remarks>
public sealed class JobMetrics
{
    private static readonly InstrumentAdvice<double> Durations = new()
    {
        HistogramBucketBoundaries =
            [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 28800],
    };

    private readonly Counter<long> _submitted;
    private readonly Counter<long> _ended;
    private readonly Histogram<double> _wait;
    private readonly Histogram<double> _run;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _lost;
    private readonly Counter<long> _handedBack;
    private readonly Counter<long> _statements;
    private readonly Counter<long> _rows;
    private readonly Counter<long> _bytes;
    private readonly Counter<long> _resultBytes;
    private readonly JobTagTable _tags;

    public JobMetrics(Meter meter, MetricsConfig config)
    {
        _tags = new JobTagTable(config, BeginAtZero);
        _submitted = meter.CreateCounter<long>("heimdall.job.submitted", "{job}", "Jobs that were recorded.");
        _ended = meter.CreateCounter<long>("heimdall.job.ended", "{job}", "Jobs that ended.");
        _wait = meter.CreateHistogram(
            "heimdall.job.wait.duration", "s",
            "Time from submission, start_after or approval to the first start of a job that waits for no others.",
            advice: Durations);
        _run = meter.CreateHistogram(
            "heimdall.job.run.duration", "s", "Time from the start of a job's last attempt to its end.",
            advice: Durations);
        _retries = meter.CreateCounter<long>(
            "heimdall.job.retries", "{attempt}", "Attempts that failed and are followed by another.");
        _lost = meter.CreateCounter<long>(
            "heimdall.job.lost_attempts", "{attempt}", "Attempts whose process stopped renewing the lease.");
        _handedBack = meter.CreateCounter<long>(
            "heimdall.job.handed_back", "{attempt}", "Attempts whose process stopped and put the job back.");
        _statements = meter.CreateCounter<long>(
            "heimdall.job.statements", "{statement}", "Statements that ended jobs have run.");
        _rows = meter.CreateCounter<long>(
            "heimdall.job.rows", "{row}", "Rows that ended jobs have changed or returned.");
        _bytes = meter.CreateCounter<long>(
            "heimdall.job.script.bytes", "By", "Bytes of scripts that ended jobs have read.");
        _resultBytes = meter.CreateCounter<long>(
            "heimdall.job.result.bytes", "By", "Bytes of results that were stored, before they are packed.");
    }

    /// <summary>Jobs are recorded.</summary>
    public void Submitted(IReadOnlyList<Job> jobs)
    {
        for (var number = 0; number < jobs.Count; number++)
        {
            if (jobs[number].FanOut is null) // a parent runs nothing; its children are counted
            {
                Submitted(jobs[number]);
            }
        }
    }

    /// <summary>A job is recorded.</summary>
    public void Submitted(Job job)
    {
        if (_submitted.Enabled)
        {
            _submitted.Add(1, TagsOf(job).WithCaller);
        }
    }

    /// <summary>A queued job begins.</summary>
    public void Started(Job job)
    {
        // A later attempt has waited for other reasons: a back-off, a lease. The claim of the first start sets both
        // times. Children may have waited for each other.
        if (_wait.Enabled && job is { StartedAt: { } started, After.Count: 0, ParentId: null }
            && started == job.UpdatedAt)
        {
            var from = Max(Max(job.CreatedAt, job.StartAfter), job.Approval?.DecidedAt);
            _wait.Record(Math.Max(0, (started - from).TotalSeconds), TagsOf(job).WithoutCaller);
        }
    }

    private static DateTime Max(DateTime time, DateTime? other) => other > time ? other.Value : time;

    /// <summary>A job has ended.</summary>
    /// <param name="job">As it ended.</param>
    /// <param name="ran">How long the attempt ran that ended it; null if it is not known.</param>
    public void Ended(Job job, TimeSpan? ran)
    {
        if (job.FanOut is not null // its children are counted
            || !(_ended.Enabled || _run.Enabled || _statements.Enabled || _rows.Enabled || _bytes.Enabled))
        {
            return;
        }
        var tags = TagsOf(job);
        _ended.Add(1, tags.With(job.Status.ToName()));
        if (ran is { } time)
        {
            _run.Record(time.TotalSeconds, tags.WithoutCaller);
        }
        var progress = job.Progress;
        Add(_statements, progress.Statements, tags.WithoutCaller);
        Add(_rows, progress.RowsAffected, tags.Affected);
        Add(_rows, progress.RowCount, tags.Returned);
        Add(_bytes, progress.BytesRead, tags.WithoutCaller);
    }

    /// <summary>
    /// A job has ended without having run, and only its id is known. Its row is read only if somebody listens, and a
    /// failure to read it leaves the job uncounted.
    /// </summary>
    public async Task CountEndAsync(JobStore jobs, Guid id, CancellationToken cancellationToken)
    {
        if (!_ended.Enabled)
        {
            return;
        }
        try
        {
            if (await jobs.FindAsync(id, cancellationToken) is { } job)
            {
                Ended(job, ran: null);
            }
        }
        catch (NpgsqlException)
        {
            // What ended the job must go on.
        }
    }

    /// <summary>The same of many at once.</summary>
    internal async Task CountEndsAsync(
        JobStore jobs, IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken)
    {
        if (!_ended.Enabled || ids.Count == 0)
        {
            return;
        }
        try
        {
            foreach (var job in await jobs.FindEndedAsync(ids, cancellationToken))
            {
                _ended.Add(1, _tags.Of(job.CommandId, job.ClusterId, job.User, job.IsOfSchedule).With(job.Status));
            }
        }
        catch (NpgsqlException)
        {
            // What ended the jobs must go on.
        }
    }

    /// <summary>The result of a job is stored as a whole.</summary>
    public void Stored(Job job, long bytes)
    {
        if (_resultBytes.Enabled)
        {
            Add(_resultBytes, bytes, TagsOf(job).WithoutCaller);
        }
    }

    /// <summary>An attempt has failed, and the job is tried again.</summary>
    public void Retried(Job job) => Add(_retries, job);

    /// <summary>An attempt has not renewed its lease, and another process has the job now.</summary>
    public void Lost(Job job) => Add(_lost, job);

    /// <summary>An attempt is over because its process stops, and the job waits again.</summary>
    public void HandedBack(Job job) => Add(_handedBack, job);

    /// <summary>Of a counter that is first seen at 1, Prometheus does not know that it has grown.</summary>
    private void BeginAtZero(JobTags tags)
    {
        foreach (var status in JobStatusNames.All.Where(name => JobStatusNames.Parse(name).IsFinal()))
        {
            _ended.Add(0, tags.With(status));
        }
        foreach (var counter in new[] { _retries, _lost, _handedBack })
        {
            counter.Add(0, tags.WithoutCaller);
        }
    }

    private void Add(Counter<long> counter, Job job)
    {
        if (counter.Enabled)
        {
            counter.Add(1, TagsOf(job).WithoutCaller);
        }
    }

    private static void Add(Counter<long> counter, long? count, KeyValuePair<string, object?>[] tags)
    {
        if (count > 0)
        {
            counter.Add(count.Value, tags);
        }
    }

    private JobTags TagsOf(Job job) => _tags.Of(job.CommandId, job.ClusterId, job.User, job.ScheduleId is not null);
}

using System.Diagnostics.Metrics;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Telemetry;
using Heimdall.Tests.Docs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Monitoring;

/// <summary>What a process counts of the jobs that it takes in, runs and ends.</summary>
[CancelAfter(120_000)]
public sealed class JobMetricTests
{
    private const string Command = "measured";
    private static readonly (string, string) OfCommand = ("heimdall.command", Command);

    private HeimdallInstance _heimdall = null!;
    private MeterReading _reading = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _reading = new MeterReading();
        _heimdall = await HeimdallInstance.StartAsync(config => config with
        {
            Metrics = "caller_classes: [{name: etl, callers: [etl-.*]}]",
        } with
        {
            Commands = "- {name: measured, plugin: postgres, version: 0.0.1, tags: [type:postgres], "
                + "cluster_tags: [type:postgres]}\n",
        });
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        _reading.Dispose();
    }

    [Test]
    public async Task Jobs_are_counted_by_status_command_cluster_and_class(CancellationToken cancellationToken)
    {
        const string Script = "create table counted (a int); insert into counted select generate_series(1, 7)";
        var good = await _heimdall.SubmitAsync(Script, returnResult: false, cancellationToken, user: "etl-1");
        var bad = await _heimdall.SubmitAsync("select 1/0", returnResult: false, cancellationToken, user: "alice");
        (await _heimdall.SubmitAsync(
            "select generate_series(1, 3)", returnResult: true, cancellationToken, user: "etl-2")).AssertStatus(200);
        await _heimdall.WaitForEndAsync(good.AssertStatus(202).Id, cancellationToken);
        await _heimdall.WaitForEndAsync(bad.AssertStatus(202).Id, cancellationToken);

        (string, string) etl = ("heimdall.caller.class", "etl"), other = ("heimdall.caller.class", "other");
        await CountsAsync("heimdall.job.submitted", 2, cancellationToken, etl, ("heimdall.cluster", "postgres"));
        await CountsAsync("heimdall.job.submitted", 1, cancellationToken, other);
        await CountsAsync("heimdall.job.ended", 2, cancellationToken, etl, ("heimdall.job.status", "SUCCEEDED"));
        await CountsAsync("heimdall.job.ended", 1, cancellationToken, other, ("heimdall.job.status", "FAILED"));
        await CountsAsync("heimdall.job.statements", 2, cancellationToken);
        await CountsAsync("heimdall.job.rows", 7, cancellationToken, ("heimdall.direction", "affected"));
        await CountsAsync("heimdall.job.rows", 3, cancellationToken, ("heimdall.direction", "returned"));
        await CountsAsync("heimdall.job.script.bytes", Script.Length + "select 1/0".Length, cancellationToken);
        await Eventually.Is(
            () => Task.FromResult(_reading.Count("heimdall.job.run.duration", OfCommand) == 3), cancellationToken);
        Assert.That(
            _reading.Count("heimdall.job.wait.duration", OfCommand), Is.EqualTo(2), "an inline query does not wait");
    }

    [Test]
    public void The_metrics_are_those_of_the_page()
    {
        var documented = DocPage.Read("docs/operate/monitor.md").Rows("Metrics").Select(row =>
            (DocPage.Codes(row[0]).Single(), row[1], DocPage.Codes(row[2]).SingleOrDefault() ?? ""));

        var known = _reading.Instruments.Select(
            instrument => (instrument.Name, KindOf(instrument), instrument.Unit ?? ""));

        Assert.That(documented, Is.EquivalentTo(known));
    }

    [Test]
    public void Any_number_of_callers_commands_and_clusters_makes_a_bounded_number_of_series()
    {
        using var meter = new Meter("hostile");
        var seen = new HashSet<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, all) =>
            {
                if (instrument.Meter == meter)
                {
                    all.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) =>
            seen.Add($"{instrument.Name} {string.Join(' ', tags.ToArray())}"));
        listener.Start();
        var metrics = new JobMetrics(meter, new MetricsConfig
        {
            CallerClasses = [new CallerClassConfig { Name = "bots", Callers = ["bot-.*"] }],
        });

        for (var number = 0; number < 20_000; number++)
        {
            metrics.Ended(JobOf($"bot-{number}", $"command-{number % 5000}", $"cluster-{number}"), TimeSpan.Zero);
            metrics.Submitted(JobOf($"somebody-{number}", "command", "cluster"));
        }

        Assert.That(seen, Has.Count.GreaterThan(JobTagTable.MostCombinations));
        Assert.That(
            seen.Where(series => series.StartsWith("heimdall.job.ended ", StringComparison.Ordinal)).ToArray(),
            Has.Length.LessThanOrEqualTo(2000), "as many as OpenTelemetry keeps of one instrument");
        Assert.That(seen, Has.None.Contains("somebody").And.None.Contains("bot-"));
        Assert.That(
            seen, Has.Some.Contains("[heimdall.command, other]").And.Some.Contains("[heimdall.caller.class, bots]"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_job_that_cannot_be_read_to_be_counted_stops_nothing(
        bool isWatched, CancellationToken cancellationToken)
    {
        await using var database = await TestDatabase.CreateStoreAsync();
        await using var store = new StoreDatabase(
            database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        using var meter = new Meter(HeimdallTelemetry.Name);
        using var reading = new MeterReading(one => isWatched && one == meter);
        var metrics = new JobMetrics(meter, new MetricsConfig());
        await database.ExecuteAsync("alter table heimdall.job rename to gone", cancellationToken);

        Assert.That(
            () => metrics.CountEndAsync(new JobStore(store), Guid.CreateVersion7(), cancellationToken),
            Throws.Nothing);
        Assert.That(reading.Count("heimdall.job.ended"), Is.Zero);
    }

    [Test]
    public void Only_the_first_start_of_a_job_that_waits_for_no_others_has_a_wait()
    {
        using var meter = new Meter(HeimdallTelemetry.Name);
        using var reading = new MeterReading(one => one == meter);
        var metrics = new JobMetrics(meter, new MetricsConfig());
        var now = DateTime.UtcNow;
        var claimed = JobOf("user", "command", "cluster") with
        {
            Attempt = 1,
            CreatedAt = now.AddHours(-2),
            StartAfter = now.AddSeconds(-5),
            StartedAt = now,
            UpdatedAt = now,
        };
        var predecessor = new JobPredecessor(Guid.CreateVersion7(), default);

        metrics.Started(claimed);
        metrics.Started(claimed with { Attempt = 2 }); // its first claim was put back before it began
        metrics.Started(claimed with { Attempt = 2, StartedAt = now.AddHours(-1) });
        metrics.Started(claimed with { After = [predecessor] });

        Assert.That(reading.Count("heimdall.job.wait.duration"), Is.EqualTo(2));
        Assert.That(reading.Sum("heimdall.job.wait.duration"), Is.EqualTo(10).Within(0.001));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void What_counts_a_job_allocates_nothing(bool isWatched)
    {
        using var meter = new Meter("hot path");
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, all) =>
        {
            if (isWatched && instrument.Meter == meter)
            {
                all.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>(static (_, _, _, _) => { });
        listener.SetMeasurementEventCallback<double>(static (_, _, _, _) => { });
        listener.Start();
        var metrics = new JobMetrics(meter, new MetricsConfig
        {
            CallerClasses = [new CallerClassConfig { Name = "bots", Callers = ["bot-.*"] }],
        });
        var now = DateTime.UtcNow;
        var job = JobOf("bot-1", "command", "cluster") with { Attempt = 1, StartedAt = now, UpdatedAt = now };
        CountMany(1000);

        var before = GC.GetAllocatedBytesForCurrentThread();
        CountMany(1000);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.That(allocated, Is.LessThan(1000), "bytes for a thousand jobs");

        void CountMany(int jobs)
        {
            for (var number = 0; number < jobs; number++)
            {
                metrics.Submitted(job);
                metrics.Started(job);
                metrics.Ended(job, TimeSpan.FromSeconds(1));
            }
        }
    }

    private static Job JobOf(string user, string command, string cluster) => new()
    {
        Id = Guid.CreateVersion7(),
        Name = "any",
        Version = "",
        User = user,
        Status = JobStatus.Succeeded,
        IsSync = false,
        ReturnResult = false,
        CommandId = command,
        CommandName = command,
        ClusterId = cluster,
        ClusterName = cluster,
        Context = [],
        Progress = new() { Statements = 2, RowsAffected = 3, BytesRead = 4 },
    };

    private static string KindOf(Instrument instrument) => instrument.GetType().Name switch
    {
        var name when name.StartsWith("Counter", StringComparison.Ordinal) => "counter",
        var name when name.StartsWith("Histogram", StringComparison.Ordinal) => "histogram",
        var name when name.StartsWith("ObservableGauge", StringComparison.Ordinal) => "gauge",
        var name => name,
    };

    private Task<double> CountsAsync(
        string name, double expected, CancellationToken cancellationToken, params (string, string)[] tags) =>
        Eventually.Becomes(
            () => Task.FromResult(_reading.Sum(name, [OfCommand, .. tags])),
            () => Is.EqualTo(expected),
            cancellationToken,
            what: $"{name} {string.Join(' ', tags)}");
}

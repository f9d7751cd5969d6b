using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Monitoring;

/// <summary>
/// The files of docs/operate/monitoring with a real Prometheus, and a collector: what they get of real processes. Hosts
/// in the tests' process would share meters and sources of activities with those of other tests.
/// </summary>
[CancelAfter(240_000)]
public sealed partial class PrometheusTests() : RealProcessTests(processes: 3)
{
    private const string Folder = "docs/operate/monitoring";
    private const string Caller = "00f067aa0ba902b7";

    private readonly int _api = FreePort.Find();
    private readonly int _worker = FreePort.Find();
    private Collector _collector = null!;
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _collector = new Collector();
        _heimdall = await HeimdallInstance.StartProcessesAsync(config => config with
        {
            Metrics = $"api_listen: 'http://127.0.0.1:{_api}', worker_listen: 'http://127.0.0.1:{_worker}'",
            Otlp = $"endpoint: '{_collector.Address}', protocol: http, headers: 'api-key=a%20b', metrics_interval: 1s",
            Tracing = "statement_comments: true",
            Logging = "format: json",
            Schedules = "- {name: each-second, cron: '* * * * * *', overlap: allow, "
                + "command_criteria: ['type:postgres'], cluster_criteria: ['data:local'], context: {query: select 1}}\n",
        });
        await _heimdall.Target.ExecuteAsync("create table seen (job text, query text)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _collector.DisposeAsync();
    }

    [Test]
    public async Task Prometheus_takes_the_rules_and_each_alert_has_a_test(CancellationToken cancellationToken)
    {
        var alerts = NamesIn("alerts.yaml", @"alert: (\w+)");

        Assert.That(alerts, Has.Length.GreaterThan(10));
        Assert.That(NamesIn("alerts_test.yaml", @"alertname=""(\w+)"""), Is.EquivalentTo(alerts));
        await PromtoolAsync(cancellationToken, "check", "config", $"{Folder}/prometheus.yaml");
        await PromtoolAsync(cancellationToken, "test", "rules", $"{Folder}/alerts_test.yaml");
    }

    [Test]
    public async Task A_scrape_has_data_for_each_panel_and_each_alert(CancellationToken cancellationToken)
    {
        await using var prometheus = await Prometheus.StartAsync(_api, _worker);

        // Jobs in each round: a rate needs two scrapes of a series.
        await Eventually.Becomes(
            async () =>
            {
                await _heimdall.EnqueueAsync(
                    "create table if not exists t (a int); insert into t values (1)", cancellationToken);
                await _heimdall.EnqueueAsync("select 1/0", cancellationToken);
                await _heimdall.SubmitAsync("select generate_series(1, 3)", returnResult: true, cancellationToken);
                return await prometheus.FindWithoutDataAsync(Expressions(), cancellationToken);
            },
            () => Is.Empty, cancellationToken, TimeSpan.FromSeconds(150), what: "what has no data");

        await Eventually.Is(() => prometheus.RulesAreWellAsync(cancellationToken), cancellationToken);
    }

    [Test]
    public async Task The_address_serves_metrics_without_secrets_and_nothing_else(CancellationToken cancellationToken)
    {
        using var client = new HttpClient();
        foreach (var port in new[] { _api, _worker })
        {
            var metrics = await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/metrics"), cancellationToken);
            using var other = await client.GetAsync(new Uri($"http://127.0.0.1:{port}/api/v1/jobs"), cancellationToken);

            Assert.That(metrics, Does.Contain("heimdall_store_up").And.Contain("heimdall_pool=\"heimdall store\""));
            Assert.That(metrics, Does.Not.Contain(HeimdallInstance.Canary).And.Not.Contain("Username="));
            Assert.That(metrics, Does.Not.Contain(_heimdall.Target.Name).And.Not.Contain(_heimdall.Store.Name));
            Assert.That((int)other.StatusCode, Is.EqualTo(404));
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_trace_goes_from_the_caller_to_the_statement(bool isInline, CancellationToken cancellationToken)
    {
        var trace = Guid.NewGuid().ToString("N");
        var name = $"traced {trace[..8]}";
        var sql = $"insert into seen values ('{name}', current_query()){(isInline ? " returning 1" : "; select 1")}";

        var reply = await TraceContextTests.SubmitAsync(
            _heimdall, sql, isInline, $"00-{trace}-{Caller}-01", cancellationToken);

        var id = reply.AssertStatus(isInline ? 200 : 202).Id;
        var job = await _heimdall.WaitForEndAsync(id, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"));
        var traceparent = job["traceparent"]!;
        Assert.That(traceparent, Does.StartWith($"00-{trace}-"));
        var request = traceparent.Split('-')[2];
        Assert.That(request, Is.Not.EqualTo(Caller), "the job was submitted within the span of the request");

        var query = await _heimdall.Target.ScalarAsync<string>(
            "select query from seen where job = $1", cancellationToken, name);
        Assert.That(query, Does.Match($@"\n/\*traceparent='00-{trace}-[0-9a-f]{{16}}-01'\*/\z"));
        var run = query[^22..^6];
        Assert.That(run, Is.Not.EqualTo(request), "the statement runs within the span of the run");

        // A span has its own id and that of its parent.
        foreach (var span in new[] { trace, Caller, request, run })
        {
            await Eventually.Is(() => Task.FromResult(_collector.HasId(span)), cancellationToken);
        }
        Assert.That(_collector.HasTraces("run postgres-0.0.1"), Is.True);
        Assert.That(_collector.HasTraces(name), Is.False, "no SQL of a job is in a trace");
        Assert.That(_collector.HasTraces(HeimdallInstance.Canary), Is.False);
        Assert.That(_collector.HasTraces("Username="), Is.False, "no connection string is in a trace");
    }

    [Test]
    public async Task A_collector_gets_the_metrics_of_both_processes(CancellationToken cancellationToken)
    {
        foreach (var text in new[] { "heimdall-api", "heimdall-worker", "heimdall.store.up" })
        {
            await Eventually.Is(() => Task.FromResult(_collector.HasMetrics(text)), cancellationToken);
        }
    }

    [Test]
    public async Task A_collector_gets_the_headers_that_it_asks_for(CancellationToken cancellationToken) =>
        await Eventually.Is(() => Task.FromResult(_collector.AllHave("a b")), cancellationToken);

    [Test]
    public async Task Each_line_of_the_log_is_an_object(CancellationToken cancellationToken)
    {
        var trace = Guid.NewGuid().ToString("N");
        var reply = await TraceContextTests.SubmitAsync(
            _heimdall, "select 1", isInline: false, $"00-{trace}-{Caller}-00", cancellationToken);
        var id = reply.AssertStatus(202).Id;
        await Eventually.Is(
            () => Task.FromResult(_heimdall.Logs.Any(log => log.Contains($"{id} ended", StringComparison.Ordinal))),
            cancellationToken);

        // Not of a process that could not start: it says so on stderr.
        var lines = _heimdall.Logs.Take(2).Select(log => log[..(log.LastIndexOf('\n') + 1)])
            .SelectMany(log => log.Split('\n', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        foreach (var word in new[] { "started", "ended" })
        {
            var ofJob = lines.Single(line => line.Contains($"{id} {word}", StringComparison.Ordinal));
            Assert.That(ofJob, Does.Contain(trace), "the job's scope has its trace, also one that is not recorded");
        }
        foreach (var line in lines)
        {
            using var entry = JsonDocument.Parse(line);
            Assert.That(entry.RootElement.GetProperty("Timestamp").GetString(), Does.EndWith("Z"));
        }
    }

    [Test]
    public async Task An_address_that_is_taken_is_named(CancellationToken cancellationToken)
    {
        var worker = _heimdall.StartWorkerProcess();

        Assert.That(await worker.WaitForExitAsync(cancellationToken), Is.EqualTo(1), worker.ReadLog());
        Assert.That(worker.ReadLog(), Does.Contain(
            $"Heimdall.Worker cannot start: metrics.worker_listen http://127.0.0.1:{_worker} cannot be listened at: "));
    }

    private static string[] NamesIn(string file, string pattern) =>
        [.. Regex.Matches(Repository.Read($"{Folder}/{file}"), pattern).Select(name => name.Groups[1].Value)];

    /// <summary>What the panels ask, and the metrics of the alerts.</summary>
    private static string[] Expressions()
    {
        var dashboard = JsonDocument.Parse(Repository.Read($"{Folder}/dashboard.json"));
        var panels = dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            .Select(target => target.GetProperty("expr").GetString()!)
            .Select(expression => expression.Replace("$__rate_interval", "1m", StringComparison.Ordinal));
        var lines = Repository.Read($"{Folder}/alerts.yaml").Split('\n')
            .Where(line => !line.Contains("summary:", StringComparison.Ordinal));
        var metrics = MetricName().Matches(string.Join('\n', lines)).Select(name => name.Value).Distinct().ToArray();
        Assert.That(metrics, Has.Length.GreaterThan(8));
        return [.. panels, .. metrics];
    }

    private static async Task PromtoolAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        InstalledPrograms.Require("promtool");
        using var process = Process.Start(new ProcessStartInfo("promtool", arguments)
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);

        Assert.That(process.ExitCode, Is.Zero, $"{await output}{await errors}");
    }

    /// <summary>A metric, and no label: a metric's name is followed by a selector, a bracket or a blank.</summary>
    [GeneratedRegex(
        @"\b(heimdall_(job|queue|lease|schedule|clock|cluster|store|pool)|http_server)_[a-z_]+"
        + @"(?=[\[{ )])(?! *[,)]* *\()")]
    private static partial Regex MetricName();
}

using System.Globalization;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Rules;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>The times at which a command lets DDL run. The clock is the test's.</summary>
[CancelAfter(60_000)]
public sealed class DdlWindowTests
{
    private const string Weekend =
        """{"days": ["sat", "sun"], "from": "22:00", "to": "04:00", "timezone": "Europe/Berlin"}""";

    private static readonly JsonObject _rules = new()
    {
        ["rules"] = JsonNode.Parse($$"""[{"no_ddl_outside": {{Weekend}} }]"""),
    };

    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await PluginTestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    // 2026-11-28 is a Saturday; Berlin is an hour ahead of UTC.
    [TestCase("2026-11-28T20:59:59Z", false)]
    [TestCase("2026-11-28T21:00:00Z", true)]
    [TestCase("2026-11-29T02:59:59Z", true)] // Sunday morning: the night that began on Saturday
    [TestCase("2026-11-29T03:00:00Z", false)]
    [TestCase("2026-11-29T22:30:00Z", true)]
    [TestCase("2026-11-30T02:00:00Z", true)] // Monday morning: the night that began on Sunday
    [TestCase("2026-11-30T21:30:00Z", false)] // Monday evening
    [TestCase("2026-11-28T02:00:00Z", false)] // Saturday morning: the night that began on Friday
    public void A_window_over_midnight_belongs_to_the_day_on_which_it_begins(string at, bool isOpen) =>
        Assert.That(Read(Weekend).IsOpen(Time(at)), Is.EqualTo(isOpen));

    // Clocks in Berlin went from 02:00 to 03:00 at 2026-03-29T01:00Z, and back from 03:00 at 2026-10-25T01:00Z.
    [TestCase("02:15", "02:45", "2026-03-29T00:59:59Z", false)]
    [TestCase("02:15", "02:45", "2026-03-29T01:00:00Z", false)]
    [TestCase("02:15", "03:15", "2026-03-29T01:00:00Z", true)]
    [TestCase("02:15", "03:15", "2026-03-29T01:15:00Z", false)]
    [TestCase("02:15", "02:45", "2026-10-25T00:14:59Z", false)]
    [TestCase("02:15", "02:45", "2026-10-25T00:15:00Z", true)]
    [TestCase("02:15", "02:45", "2026-10-25T00:45:00Z", false)]
    [TestCase("02:15", "02:45", "2026-10-25T01:15:00Z", true)] // the second 02:15
    [TestCase("02:15", "02:45", "2026-10-25T01:45:00Z", false)]
    [TestCase("23:00", "02:30", "2026-10-25T00:59:59Z", false)]
    [TestCase("23:00", "02:30", "2026-10-25T01:00:00Z", true)]
    public void What_the_clocks_there_show_decides_when_they_are_changed(
        string from, string to, string at, bool isOpen) =>
        Assert.That(Read(Daily(from, to)).IsOpen(Time(at)), Is.EqualTo(isOpen));

    [TestCase("22:00", "04:00", "2026-11-30T12:00:30Z", "2026-11-30T21:00:00Z")]
    [TestCase("02:15", "02:45", "2026-03-29T00:30:00Z", "2026-03-30T00:15:00Z")] // it is left out that night
    [TestCase("02:15", "02:45", "2026-10-25T00:50:00Z", "2026-10-25T01:15:00Z")]
    [TestCase("23:00", "02:30", "2026-10-25T00:40:00Z", "2026-10-25T01:00:00Z")]
    public void The_next_window_is_told(string from, string to, string now, string next)
    {
        var windows = new DdlWindows([Read(Daily(from, to))], TimeProvider.System);

        Assert.That(windows.FindNext(Time(now)), Is.EqualTo(Time(next)));
        Assert.That(windows.FindNext(Time(now)), Is.EqualTo(Time(next)), "asked again");
    }

    [Test]
    public void A_window_that_begins_and_ends_at_one_time_is_a_whole_day()
    {
        var window = Read(Daily("06:00", "06:00"));

        Assert.That(window.IsOpen(Time("2026-11-30T04:59:00Z")), Is.True);
        Assert.That(window.IsOpen(Time("2026-11-30T05:00:00Z")), Is.True);
    }

    [TestCase("create table made (i int)", "CREATE")]
    [TestCase("select 1;\nalter table made add j int", "ALTER")]
    [TestCase("select 1 as i into made", "SELECT INTO")]
    public async Task Ddl_is_refused_outside_with_its_line_and_when_it_may_run(
        string sql, string what, CancellationToken cancellationToken)
    {
        _server.Clock.Now = Time("2026-11-30T12:00:00Z").UtcDateTime;

        var run = await Assert.ThrowsAsync<JobFailedException>(() => RunAsync(sql, cancellationToken));
        var preview = await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.PreviewAsync(Job(sql), cancellationToken));

        foreach (var failure in new[] { run!.Failure, preview!.Failure })
        {
            Assert.That(failure.Kind, Is.EqualTo(JobFailureKind.Refused));
            Assert.That(
                failure.Message,
                Is.EqualTo($"Line {sql.Split('\n').Length}: {what} is refused outside of the command's "
                    + "windows for DDL (no_ddl_outside: sun, sat 22:00 to 04:00 Europe/Berlin). "
                    + "The next one opens at 2026-12-05T21:00Z."));
        }
    }

    [Test]
    public async Task Within_a_window_ddl_runs_and_outside_all_else_does(CancellationToken cancellationToken)
    {
        _server.Clock.Now = Time("2026-11-28T21:00:00Z").UtcDateTime;
        await RunAsync("create table within (i int)", cancellationToken);

        _server.Clock.Now = Time("2026-11-30T12:00:00Z").UtcDateTime;
        await RunAsync(
            "insert into within values (1); select 'create table t' -- drop table within", cancellationToken);

        Assert.That(await _server.ScalarAsync<long>("select count(*) from within", cancellationToken), Is.EqualTo(1));
    }

    [TestCase("single", 0)]
    [TestCase("none", 1)]
    public async Task A_window_that_closes_while_a_script_runs_stops_it(
        string transaction, int kept, CancellationToken cancellationToken)
    {
        var (table, key) = ($"closed_{transaction}", 77 + kept);
        _server.Clock.Now = Time("2026-11-28T21:00:00Z").UtcDateTime;
        await _server.ExecuteAsync($"create table {table} (i int)");
        await using var holder = await _server.Sql.OpenConnectionAsync(cancellationToken);
        await ExecuteAsync(holder, $"select pg_advisory_lock({key})", cancellationToken);

        var job = Job(
            $"insert into {table} values (1);\nselect pg_advisory_xact_lock({key});\n"
                + $"alter table {table} add j int;\ndrop table {table};\n");
        job.Context["transaction"] = transaction;
        var running = _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken);
        await Eventually.Is(
            () => _server.ScalarAsync<bool>(
                $"select exists (select from pg_locks where locktype = 'advisory' and objid = {key} and not granted)",
                cancellationToken),
            cancellationToken);
        _server.Clock.Now = Time("2026-11-30T12:00:00Z").UtcDateTime;
        await ExecuteAsync(holder, $"select pg_advisory_unlock({key})", cancellationToken);

        var failure = await Assert.ThrowsAsync<JobFailedException>(() => running);
        Assert.That(failure!.Failure.Message, Does.Contain("ALTER is refused outside"));
        Assert.That(
            await _server.ScalarAsync<long>($"select count(*) from {table}", cancellationToken),
            Is.EqualTo(kept));
    }

    [Test]
    public async Task A_query_is_judged_once_more_when_it_is_about_to_be_sent(CancellationToken cancellationToken)
    {
        _server.Clock.Now = Time("2026-11-28T21:00:00Z").UtcDateTime;
        var job = Job("select 1 as i into of_query") with { Results = new FakeResultWriter(), IsInline = true };
        job.Context["return_result"] = true;
        var monitor = new FakeJobMonitor
        {
            OnConfirm = _ =>
            {
                _server.Clock.Now = Time("2026-11-30T12:00:00Z").UtcDateTime;
                return Task.CompletedTask;
            },
        };

        var failure = await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, monitor, cancellationToken));

        Assert.That(failure!.Failure.Kind, Is.EqualTo(JobFailureKind.Refused));
        Assert.That(failure.Failure.Message, Does.StartWith("Line 1: SELECT INTO is refused outside"));
        Assert.That(
            await _server.ScalarAsync<bool>("select to_regclass('of_query') is null", cancellationToken),
            Is.True);
    }

    [TestCase("""[{"no_ddl_outside": {"from": "00:00", "to": "00:00", "timezone": "Mars/Olympus"}}]""",
        "this process does not know the time zone 'Mars/Olympus'")]
    [TestCase("""["no_drop", {"no_ddl_outside": {"from": "soon", "to": "00:00", "timezone": "UTC"}}]""",
        "this process cannot read it")]
    [TestCase("""[{"no_ddl_outside": {"from": "00:00", "to": "00:00", "timezone": "UTC"}, "new": 1}]""",
        "this process cannot read it")]
    [TestCase("""["no_ddl_outside"]""", "one is not written")]
    public async Task A_window_that_a_process_cannot_read_never_opens_there(
        string rules, string why, CancellationToken cancellationToken)
    {
        var job = Job("create table unread (i int)") with
        {
            CommandContext = new JsonObject { ["rules"] = JsonNode.Parse(rules) },
        };

        var failure = await Assert.ThrowsAsync<JobFailedException>(
            () => _server.Plugin.RunAsync(job, new FakeJobMonitor(), cancellationToken));

        Assert.That(failure!.Failure.Message, Does.Contain("CREATE is refused").And.Contain(why));
        Assert.That(
            await _server.ScalarAsync<bool>("select to_regclass('unread') is null", cancellationToken),
            Is.True);
    }

    [TestCase("""["no_ddl_outside"]""", "rules", "without a window")]
    [TestCase("""[{"no_ddl_outside": "sat"}]""", "rules[0].no_ddl_outside", "must be an object")]
    [TestCase("""[{"no_ddl_outside": {"from": "22:00", "to": "24:00", "timezone": "UTC"}}]""",
        "rules[0].no_ddl_outside.to", "must be a time of the day")]
    [TestCase("""[{"no_ddl_outside": {"to": "22:00", "timezone": "UTC"}}]""",
        "rules[0].no_ddl_outside.from", "must be a time of the day")]
    [TestCase("""[{"no_ddl_outside": {"from": "22:00", "to": "23:00"}}]""",
        "rules[0].no_ddl_outside.timezone", "must be an IANA time zone")]
    [TestCase("""[{"no_ddl_outside": {"from": "22:00", "to": "23:00", "timezone": "UTC", "days": ["saturday"]}}]""",
        "rules[0].no_ddl_outside.days", "must be a list of sun, mon")]
    [TestCase("""[{"no_ddl_outside": {"from": "22:00", "to": "23:00", "timezone": "UTC", "until": 1}}]""",
        "rules[0].no_ddl_outside.until", "is not known here")]
    [TestCase("""[{"no_ddl_inside": {}}]""", "rules", "must be a list of")]
    public void A_window_that_is_none_is_named(string rules, string path, string message)
    {
        var problems = CommandSettings.Read(new JsonObject { ["rules"] = JsonNode.Parse(rules) }).Problems;

        Assert.That(problems.Select(problem => problem.Path), Is.EqualTo(new[] { path }));
        Assert.That(problems[0].Message, Does.Contain(message));
    }

    [Test]
    public void One_of_several_windows_must_be_open()
    {
        var settings = CommandSettings.Read(new JsonObject
        {
            ["rules"] = JsonNode.Parse($$"""
                ["no_truncate", {"no_ddl_outside": {{Daily("01:00", "02:00")}} },
                    {"no_ddl_outside": {{Daily("05:00", "06:00")}} }]
                """),
        }).Context;

        var windows = settings.Rules!.DdlWindows!;

        Assert.That(settings.Rules.Rules, Is.EqualTo(new[] { "no_truncate" }));
        Assert.That(windows.IsOpen(Time("2026-11-30T00:30:00Z")), Is.True);
        Assert.That(windows.IsOpen(Time("2026-11-30T02:30:00Z")), Is.False);
        Assert.That(windows.IsOpen(Time("2026-11-30T04:30:00Z")), Is.True);
    }

    private static string Daily(string from, string to) =>
        $$"""{"from": "{{from}}", "to": "{{to}}", "timezone": "Europe/Berlin"}""";

    private static DdlWindow Read(string json)
    {
        var reader = new ContextReader([]);
        var window = WindowReader.Read(JsonNode.Parse(json)!, "window", reader);
        Assert.That(reader.Problems, Is.Empty);
        return window!;
    }

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    private PluginJob Job(string sql) => new()
    {
        Id = Guid.NewGuid(),
        Attempt = 1,
        TargetCluster = _server.Cluster,
        CommandContext = _rules,
        Context = new JsonObject { ["query"] = sql },
    };

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private Task<JobProgress> RunAsync(string sql, CancellationToken cancellationToken) =>
        _server.Plugin.RunAsync(Job(sql), new FakeJobMonitor(), cancellationToken);
}

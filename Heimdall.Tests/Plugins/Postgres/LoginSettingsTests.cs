using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>What an administrator has set for a login or a database holds in jobs, as it does in psql.</summary>
[CancelAfter(60_000)]
public sealed class LoginSettingsTests
{
    private PluginTestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        await _server.ExecuteAsync("create schema own; create table own.kept (i int, t text)");
        foreach (var (name, value) in new[]
        {
            ("default_transaction_isolation", "serializable"),
            ("search_path", "own"),
            ("DateStyle", "German, DMY"),
            ("lock_timeout", "4s"),
            ("work_mem", "5MB"),
            ("standard_conforming_strings", "off"),
            ("escape_string_warning", "off"),
            ("default_transaction_read_only", "on"),
            ("idle_session_timeout", "1h"),
        })
        {
            await _server.ExecuteAsync(
                $"do $$ begin execute format('alter database %I set {name} = %L', current_database(), '{value}'); end $$");
        }
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task A_query_has_them(CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        const string Query =
            """
            select current_setting('transaction_isolation'), to_regclass('kept')::text, '01.02.2024'::date::text,
                current_setting('lock_timeout'), current_setting('work_mem'), 'a\'b', current_setting('transaction_read_only')
            """;

        await _server.Plugin.RunAsync(_server.Query(Query, results), new FakeJobMonitor(), cancellationToken);

        Assert.That(
            results.Rows.Single(),
            Is.EqualTo(new[] { "serializable", "kept", "2024-02-01", "4s", "5MB", "a'b", "on" }));
    }

    [Test]
    public async Task A_job_s_session_is_not_ended_because_it_waits(CancellationToken cancellationToken)
    {
        var (results, monitor) = (new FakeResultWriter(), new FakeJobMonitor());

        await _server.Plugin.RunAsync(
            _server.Query("show idle_session_timeout", results), new FakeJobMonitor(), cancellationToken);
        await _server.Plugin.RunAsync(
            _server.Job(
                """
                {"query": "do $$ begin raise notice 'idle after %', current_setting('idle_session_timeout'); end $$",
                "transaction": "none"}
                """),
            monitor,
            cancellationToken);

        Assert.That(results.Rows.Single(), Is.EqualTo(new[] { "0" }));
        Assert.That(monitor.Err, Has.Some.Contains("idle after 0"));
    }

    [Test]
    public async Task A_batch_has_them([Values("single", "none")] string transaction, CancellationToken cancellationToken)
    {
        const string Script =
            """
            set transaction read write;
            insert into kept values (1, 'a\'; b');
            insert into kept select 1, current_setting('transaction_isolation') || '01.02.2024'::date
                || current_setting('lock_timeout') || current_setting('work_mem');
            """;
        var name = $"{transaction} batch";
        var script = transaction == "none" ? $"begin; {Script} commit;" : Script;

        await RunAsync(script.Replace("(1,", $"(1, '{name}' ||", StringComparison.Ordinal)
            .Replace("select 1,", $"select 1, '{name}' ||", StringComparison.Ordinal), transaction, cancellationToken);

        Assert.That(
            await _server.ScalarAsync<string[]>(
                $"select array_agg(substr(t, {name.Length + 1}) order by t) from own.kept where t like '{name}%'", cancellationToken),
            Is.EqualTo(new[] { "a'; b", "serializable01.02.20244s5MB" }));
    }

    [TestCase("""{"query": "insert into kept values (2)", "transaction": "single"}""")]
    [TestCase("""{"query": "insert into kept values (2)", "transaction": "none"}""")]
    [TestCase("""{"query": "insert into kept values (2) returning i", "return_result": true}""")]
    public async Task A_login_that_only_reads_writes_nothing(string context, CancellationToken cancellationToken)
    {
        var failure = await Assert.ThrowsAsync<JobFailedException>(() => _server.Plugin.RunAsync(
            _server.Job(context, new FakeResultWriter()), new FakeJobMonitor(), cancellationToken));

        Assert.That(failure.Failure.SqlState, Is.EqualTo("25006"), failure.Message);
        Assert.That(
            await _server.ScalarAsync<long>("select count(*) from own.kept where i = 2", cancellationToken), Is.Zero);
    }

    private Task<JobProgress> RunAsync(string script, string transaction, CancellationToken cancellationToken) =>
        _server.Plugin.RunAsync(
            _server.Job(new JsonObject { ["query"] = script, ["transaction"] = transaction }.ToJsonString()),
            new FakeJobMonitor(),
            cancellationToken);
}

using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>A query's results have one form, whatever the database prefers and whatever stands in between.</summary>
[CancelAfter(60_000)]
public sealed class QuerySettingsTests
{
    private const string Settings =
        """
        select current_setting('TimeZone'), current_setting('DateStyle'), current_setting('IntervalStyle'), current_setting('bytea_output'),
            current_setting('extra_float_digits'), current_setting('idle_in_transaction_session_timeout')
        """;

    private static readonly string[] Wanted = ["UTC", "ISO, DMY", "postgres", "hex", "1", "10min"];

    private PluginTestServer _server = null!;

    [SetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        foreach (var setting in new[] { "TimeZone = 'Asia/Tokyo'", "DateStyle = 'German, DMY'", "IntervalStyle = 'iso_8601'", "bytea_output = 'escape'", "extra_float_digits = 0" })
        {
            await _server.ExecuteAsync($"do $$ begin execute format('alter database %I set {setting.Replace("'", "''", StringComparison.Ordinal)}', current_database()); end $$");
        }
    }

    [TearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("")]
    [TestCase(""", "search_path": "public", "role": "postgres" """)]
    [TestCase(""", "read_only": true""")]
    public async Task Its_session_has_them_again_after_a_query_that_changed_them(string more, CancellationToken cancellationToken)
    {
        const string Change = "select set_config('TimeZone', 'Asia/Tokyo', false), set_config('bytea_output', 'escape', false), pg_backend_pid()";
        var first = await RunAsync(Change, more, _server.Cluster, cancellationToken);

        Assert.That(await RunAsync(Settings, more, _server.Cluster, cancellationToken), Is.EqualTo(Wanted));
        Assert.That(await RunAsync("select pg_backend_pid()", more, _server.Cluster, cancellationToken), Is.EqualTo(first[2..]), "the session was another");
    }

    [Test]
    public async Task A_pooler_that_takes_no_options_does_not_matter(
        [Values("PgBouncer", "PgBouncer that ignores them", "RDS Proxy")] string name,
        CancellationToken cancellationToken)
    {
        var kind = name switch
        {
            "PgBouncer" => PoolerKind.PgBouncer,
            "RDS Proxy" => PoolerKind.RdsProxy,
            _ => PoolerKind.Ignoring,
        };
        var refuses = kind.SqlState is not null;
        await using var pooler = new PoolerDouble(_server.ConnectionString, kind);
        var cluster = Through(pooler);

        Assert.That(await RunAsync(Settings, "", cluster, cancellationToken), Is.EqualTo(Wanted));
        var refused = pooler.Refused;
        Assert.That(await RunAsync(Settings, "", cluster, cancellationToken), Is.EqualTo(Wanted));

        Assert.That(refused, refuses ? Is.Positive : Is.Zero);
        Assert.That(pooler.Refused, Is.EqualTo(refused), "it was asked again");
    }

    [Test]
    public async Task A_job_s_session_has_its_name_where_a_pooler_does_not_pass_on_that_of_the_connection(
        CancellationToken cancellationToken)
    {
        await using var pooler = new PoolerDouble(_server.ConnectionString, PoolerKind.RdsProxy);

        var name = await RunAsync(
            "select current_setting('application_name')", "", Through(pooler), cancellationToken);

        Assert.That(name.Single(), Does.StartWith("heimdall "));
    }

    [Test]
    public async Task A_pooler_whose_process_id_was_the_backend_s_by_chance_is_noticed_at_the_next_connection(
        CancellationToken cancellationToken)
    {
        const string Lock = "select pg_try_advisory_lock(1)";
        await using var pooler = new PoolerDouble(_server.ConnectionString, PoolerKind.Counting);
        var cluster = Through(pooler);

        Assert.That((await RunAsync(Lock, "", cluster, cancellationToken)).Single(), Is.EqualTo("t"), "by chance");
        await _server.Plugin.RunAsync(
            _server.Batch("select 1") with { TargetCluster = cluster }, new FakeJobMonitor(), cancellationToken);
        var failure = (await Assert.ThrowsAsync<JobFailedException>(
            () => RunAsync(Lock, "", cluster, cancellationToken))).Failure;

        Assert.That(failure.Message, Does.StartWith("pg_try_advisory_lock").And.Contain("pooler: session"));
    }

    private static PluginCluster Through(PoolerDouble pooler) => new(
        $"cluster_{Guid.NewGuid():N}", new JsonObject { ["connection_string"] = pooler.ConnectionString });

    private async Task<string?[]> RunAsync(string sql, string more, PluginCluster cluster, CancellationToken cancellationToken)
    {
        var results = new FakeResultWriter();
        var context = $$"""{"query": {{JsonValue.Create(sql).ToJsonString()}}, "return_result": true{{more}}}""";
        await _server.Plugin.RunAsync(_server.Job(context, results) with { TargetCluster = cluster }, new FakeJobMonitor(), cancellationToken);
        return [.. results.Rows.Single()];
    }
}

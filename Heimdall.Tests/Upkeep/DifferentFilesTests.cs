using System.Text;
using Heimdall.Core.Jobs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>Processes with different configuration files on one store: none takes anything from another.</summary>
[CancelAfter(120_000)]
public sealed class DifferentFilesTests
{
    private HeimdallInstance _heimdall = null!;

    [SetUp]
    public async Task Create()
    {
        _heimdall = await HeimdallInstance.CreateAsync();
        New();
    }

    [TearDown]
    public async Task Drop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task What_an_old_file_lacks_stays_for_the_others_and_its_jobs_wait_for_who_has_it(
        CancellationToken cancellationToken)
    {
        await _heimdall.StartApiAsync();
        Old();
        await using var old = await _heimdall.StartWorkerAsync();
        await WaitForWorkerAsync(cancellationToken);

        Assert.That(await ClustersAsync(cancellationToken), Is.EquivalentTo(new[] { "postgres", "second" }));
        var id = await _heimdall.EnqueueAsync("select 1", cancellationToken, cluster: "_id:second");
        var waiting = await Eventually.Becomes(
            () => _heimdall.JobAsync(id, cancellationToken),
            () => Is.Not.Null.And.Matches<Reply>(job => job?["waiting_for"] == "a worker that has cluster 'second'"),
            cancellationToken);
        Assert.That(waiting["status"], Is.EqualTo("ACCEPTED"));

        New();
        await _heimdall.StartWorkerAsync();
        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task An_old_api_takes_jobs_that_only_the_new_file_can_run(CancellationToken cancellationToken)
    {
        await _heimdall.StartWorkerAsync();
        await WaitForWorkerAsync(cancellationToken);
        Old();
        await _heimdall.StartApiAsync();

        var id = await _heimdall.EnqueueAsync("select 1", cancellationToken, cluster: "_id:second");

        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task What_no_living_process_has_is_marked_and_comes_back_with_its_status(
        CancellationToken cancellationToken)
    {
        await _heimdall.StartApiAsync();
        (await _heimdall.SendAsync(
            HttpMethod.Put, "/api/v1/cluster/second/status", cancellationToken,
            Json("""{"status": "INACTIVE"}"""))).AssertStatus(200);
        (await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/cluster/second/pause", cancellationToken, Json("{}")))
            .AssertStatus(200);
        Old();
        await _heimdall.StopApiAsync();
        // As if it had stopped long ago, and all that follow had started long ago.
        await _heimdall.Store.ExecuteAsync(
            """
            update heimdall.worker set gone_at = gone_at - interval '1 hour';
            alter table heimdall.worker alter started_at set default now() - interval '1 hour'
            """,
            cancellationToken);
        await _heimdall.StartApiAsync();

        await Eventually.Becomes(
            () => ClustersAsync(cancellationToken), () => Is.EqualTo(new[] { "postgres" }), cancellationToken);
        await Eventually.Is(
            () => Task.FromResult(string.Concat(_heimdall.Logs).Contains(
                "Cluster second is in no living process's configuration file", StringComparison.Ordinal)),
            cancellationToken);

        // The entry says something else now, but not of the status.
        _heimdall.Configure(config => config.WithCluster(
            "second", "type:postgres, data:local, new:tag", config.Target));
        await _heimdall.RestartApiAsync();
        var second = (await _heimdall.GetAsync("/api/v1/cluster/second", cancellationToken)).AssertStatus(200);
        Assert.That(second["status"], Is.EqualTo("INACTIVE"));
        Assert.That(second.Text, Does.Contain("new:tag"));
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.pause where target = 'second'", cancellationToken),
            Is.EqualTo(1));
        Assert.That(
            string.Concat(_heimdall.Logs), Does.Contain("Cluster second had left all configuration files and is back"));
    }

    [Test]
    public async Task Another_schema_of_Hangfires_is_refused(CancellationToken cancellationToken)
    {
        await _heimdall.StartApiAsync();
        var file = await File.ReadAllTextAsync(_heimdall.ConfigFile, cancellationToken);
        await File.WriteAllTextAsync(
            _heimdall.ConfigFile,
            file.Replace("database: {", "database: {hangfire_schema: elsewhere, ", StringComparison.Ordinal),
            cancellationToken);

        await using var other = await _heimdall.StartWorkerAsync();

        await Eventually.Is(
            () => Task.FromResult(string.Concat(_heimdall.Logs).Contains(
                "database.hangfire_schema is 'elsewhere' in this process's configuration, and 'hangfire' in all others",
                StringComparison.Ordinal)),
            cancellationToken);
        Assert.That(
            await _heimdall.Store.ScalarAsync<bool>(
                "select exists (select from pg_namespace where nspname = 'elsewhere')", cancellationToken),
            Is.False, "nothing is made there");
    }

    [Test]
    public async Task A_longer_lease_of_another_process_holds_after_a_restart_of_the_store_and_is_logged(
        CancellationToken cancellationToken)
    {
        // The server of the tests has run for more than a millisecond and for less than a hundred years.
        var deadSql = $"""
            set search_path = heimdall;
            select {JobTransitions.LeaseIsOver("interval '1 ms'")}
            from (select now() - interval '1 minute' as lease_until) job
            """;
        var before = await _heimdall.Store.ScalarAsync<bool>(deadSql, cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """
            insert into heimdall.worker (id, name, clusters, commands, concurrency, lease, settings)
            values (gen_random_uuid(), 'slow', '{}', '{}', 1, '36500 days',
                '{"worker.lease": "36500d", "results.directory": "a directory", "results.enabled": "true"}')
            """,
            cancellationToken);
        var after = await _heimdall.Store.ScalarAsync<bool>(deadSql, cancellationToken);
        await _heimdall.StartApiAsync();

        Assert.That((before, after), Is.EqualTo((true, false)));
        foreach (var difference in (string[])["results.directory: a directory, none", "worker.lease: 2s, 36500d"])
        {
            await Eventually.Is(
                () => Task.FromResult(string.Concat(_heimdall.Logs).Contains(
                    $"Living processes have different values of {difference}.", StringComparison.Ordinal)),
                cancellationToken);
        }
        Assert.That(string.Concat(_heimdall.Logs), Does.Not.Contain("values of results.enabled"));
    }

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    private void New() => _heimdall.Configure(config => config.WithCluster(
        "second", "type:postgres, data:local", config.Target));

    private void Old() => _heimdall.Configure(config => config);

    private async Task<string[]> ClustersAsync(CancellationToken cancellationToken) =>
    [
        .. (await _heimdall.GetAsync("/api/v1/clusters", cancellationToken)).AssertStatus(200).Json
            .EnumerateArray().Select(cluster => cluster.GetProperty("id").GetString()!),
    ];

    /// <summary>Until a worker is ready, it has seeded what its file has.</summary>
    private Task WaitForWorkerAsync(CancellationToken cancellationToken) => Eventually.Is(
        () => _heimdall.Store.ScalarAsync<bool>(
            "select exists (select from heimdall.worker where concurrency > 0)", cancellationToken),
        cancellationToken);
}

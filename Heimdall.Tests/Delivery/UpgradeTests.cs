using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Heimdall.Core.Database;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>
/// Two versions work on one store, while one replaces the other, and workers of both are killed. Each job takes effect
/// once.
/// </summary>
[CancelAfter(300_000)]
public sealed class UpgradeTests() : RealProcessTests(processes: 3)
{
    private const string TooOld = "The store's schema is for versions of Heimdall that know migration 998.";

    private const int Kills = 3;
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);

    private HeimdallInstance _heimdall = null!;
    private int _submitted;

    [SetUp]
    public async Task Create()
    {
        _heimdall = await HeimdallInstance.CreateAsync(
            config => config with { Worker = $"{config.Worker}, max_lost_attempts: 20" }, isFirstStart: true);
        _submitted = 0;
        await _heimdall.Target.ExecuteAsync("create table effect (number int)", CancellationToken.None);
    }

    [TearDown]
    public async Task Dispose() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_newer_version_takes_over_from_an_older_one(CancellationToken cancellationToken)
    {
        await using var older = await OlderVersion.StartAsync(_heimdall, cancellationToken);
        await SubmitAsync(older.Client, 100, cancellationToken);
        await _heimdall.StartApiAsync();
        await _heimdall.StartWorkerAsync();
        await BothWorkAsync(older.Client, _heimdall.Client, cancellationToken);

        var exitCodes = await older.StopAsync(cancellationToken);
        await SubmitAsync(_heimdall.Client, 20, cancellationToken);

        Assert.That(exitCodes, Is.All.Zero);
        await AssertEachRanOnceAsync(cancellationToken);
    }

    [Test]
    public async Task An_older_version_takes_over_from_a_newer_one(CancellationToken cancellationToken)
    {
        await using var api = await SecondApi.StartAsync(_heimdall, cancellationToken);
        var worker = await _heimdall.StartWorkerAsync();
        await SubmitAsync(api.Client, 100, cancellationToken);
        await using var older = await OlderVersion.StartAsync(_heimdall, cancellationToken);
        await BothWorkAsync(older.Client, api.Client, cancellationToken);

        await worker.DisposeAsync();
        await api.DisposeAsync();
        await SubmitAsync(older.Client, 20, cancellationToken);

        await AssertEachRanOnceAsync(cancellationToken);
    }

    [Test]
    public async Task An_older_version_runs_nothing_that_nobody_has_approved(CancellationToken cancellationToken)
    {
        const string Write = "insert into effect values (1) returning number";
        await using var older = await OlderVersion.StartAsync(_heimdall, cancellationToken);
        _heimdall.Configure(config => config.WithCommand("reviewed", "type:reviewed", ", approval: required"));
        await _heimdall.StartApiAsync();
        await _heimdall.StartWorkerAsync();
        await Eventually.Is(
            async () => (await older.Client.GetAsync("/api/v1/command/reviewed", cancellationToken))
                .IsSuccessStatusCode,
            cancellationToken);

        var waiting = (await _heimdall.SubmitAsync(
            Write, returnResult: false, cancellationToken, command: "type:reviewed")).AssertStatus(202).Id;
        using var shown = await older.Client.GetAsync($"/api/v1/job/{waiting}/status", cancellationToken);
        using var batch = await PostAsync(returnResult: false);
        using var query = await PostAsync(returnResult: true);

        Assert.That(await shown.Content.ReadAsStringAsync(cancellationToken), Does.Contain("\"UNKNOWN\""));
        var taken = (await batch.Content.ReadFromJsonAsync<JsonElement>(cancellationToken))
            .GetProperty("id").GetGuid();
        var ended = await _heimdall.WaitForStatusAsync(taken, "CANCELED", cancellationToken);
        Assert.That(ended["error"], Does.Contain("asks for an approval"));
        Assert.That(query.IsSuccessStatusCode, Is.False);
        var after = (await _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken)).AssertStatus(202);
        await _heimdall.WaitForStatusAsync(after.Id, "SUCCEEDED", cancellationToken);
        Assert.That(
            (await _heimdall.JobAsync(waiting, cancellationToken))["status"], Is.EqualTo("WAITING_FOR_APPROVAL"));
        Assert.That(
            await _heimdall.Target.ScalarAsync<long>("select count(*) from effect", cancellationToken), Is.Zero);

        Task<HttpResponseMessage> PostAsync(bool returnResult) => older.Client.PostAsJsonAsync(
            "/api/v1/job",
            new
            {
                name = "reviewed", version = "1", command_criteria = new[] { "type:reviewed" },
                cluster_criteria = new[] { "_id:postgres" },
                context = new { query = Write, return_result = returnResult },
            },
            cancellationToken);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task What_a_killed_worker_of_one_version_had_is_ended_by_the_other(
        bool olderIsKilled, CancellationToken cancellationToken)
    {
        await using var older = await OlderVersion.StartAsync(_heimdall, cancellationToken);
        await _heimdall.StartApiAsync();
        var newer = _heimdall.StartWorkerProcess();
        await BothWorkAsync(older.Client, _heimdall.Client, cancellationToken);

        for (var kill = 1; kill <= Kills; kill++)
        {
            var killed = olderIsKilled ? older.Worker : newer;
            await Eventually.Is(
                async () =>
                {
                    await SubmitAsync(olderIsKilled ? older.Client : _heimdall.Client, 20, cancellationToken);
                    return await HasRunningAsync(killed.Id, cancellationToken);
                },
                cancellationToken, StartTime);
            await killed.KillAsync(cancellationToken);
            if (kill == Kills)
            {
                break; // the other one has to end all
            }
            if (olderIsKilled)
            {
                await older.StartWorkerAsync();
            }
            else
            {
                newer = _heimdall.StartWorkerProcess();
            }
        }

        await AssertEachRanOnceAsync(cancellationToken);
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job_attempt where attempt > 1", cancellationToken),
            Is.Positive, "a kill has met running jobs");
    }

    [Test]
    public async Task A_version_that_is_too_old_for_the_schema_stops_and_is_not_ready_again(
        CancellationToken cancellationToken)
    {
        await _heimdall.StartApiProcessAsync();
        var worker = _heimdall.StartWorkerProcess();
        await _heimdall.CloseGateAsync("old", cancellationToken);
        var running = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt("old"), cancellationToken);
        await Eventually.Is(() => _heimdall.HasBackendAsync(running, cancellationToken), cancellationToken);

        await _heimdall.Store.ExecuteAsync(
            "insert into heimdall.schema_migration (scriptname, applied) values ('x.999_less.needs_998.sql', now())",
            cancellationToken);
        await Eventually.Becomes(
            () => Task.FromResult(worker.ReadLog()), () => Does.Contain(TooOld), cancellationToken);
        await _heimdall.OpenGateAsync("old", cancellationToken);

        foreach (var process in new[] { _heimdall.Api!, worker })
        {
            Assert.That(await process.WaitForExitAsync(cancellationToken), Is.EqualTo(1), process.ReadLog());
            Assert.That(process.ReadLog(), Does.Contain(TooOld));
        }
        Assert.That(
            await _heimdall.Store.ColumnAsync<string>("select status from heimdall.job", cancellationToken),
            Is.EqualTo(new[] { "SUCCEEDED" }));
        var again = _heimdall.StartProcess("Heimdall.Api");
        await Eventually.Becomes(
            () => Task.FromResult(again.ReadLog()), () => Does.Contain(TooOld), cancellationToken);
        await Eventually.Becomes(
            () => ReadinessAsync(cancellationToken), () => Is.EqualTo(HttpStatusCode.ServiceUnavailable),
            cancellationToken);
        Assert.That((await _heimdall.GetAsync("/readyz", cancellationToken)).Text, Does.Contain(TooOld));
        await _heimdall.Store.ExecuteAsync(
            "delete from heimdall.schema_migration where scriptname like '%needs_998%'", cancellationToken);
        await Eventually.Becomes(
            () => ReadinessAsync(cancellationToken), () => Is.EqualTo(HttpStatusCode.OK), cancellationToken);
    }

    [Test]
    public async Task The_schema_can_be_made_before_any_process_is_replaced(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await HeimdallProcess.RunAsync(
            "Heimdall.Worker", cancellationToken, "--migrate", "--config", _heimdall.ConfigFile);

        Assert.That(exitCode, Is.Zero, output);
        Assert.That(output, Does.EndWith("the store's schema is up to date\n"));
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.schema_migration", cancellationToken),
            Is.EqualTo(Migrations.Embedded.Count));
    }

    /// <summary>Submits to both until both have run jobs.</summary>
    private async Task BothWorkAsync(HttpClient older, HttpClient newer, CancellationToken cancellationToken)
    {
        var before = await _heimdall.Store.ScalarAsync<DateTime>("select now()", cancellationToken);
        await Eventually.Becomes(
            async () =>
            {
                await SubmitAsync(older, 5, cancellationToken);
                await SubmitAsync(newer, 5, cancellationToken);
                return await _heimdall.Store.ScalarAsync<long>(
                    "select count(distinct worker) from heimdall.job_attempt where started_at >= $1",
                    cancellationToken, before);
            },
            () => Is.EqualTo(2), cancellationToken);
        foreach (var client in new[] { older, newer })
        {
            Assert.That(await QueryAsync(client, cancellationToken), Is.EqualTo("[[7]]"));
        }
    }

    private Task<bool> HasRunningAsync(int process, CancellationToken cancellationToken) =>
        _heimdall.Store.ScalarAsync<bool>(
            "select exists (select from heimdall.job_attempt where finished_at is null and worker like $1)",
            cancellationToken, $"%:{process}");

    private async Task<HttpStatusCode?> ReadinessAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await _heimdall.GetAsync("/readyz", cancellationToken)).Status;
        }
        catch (HttpRequestException)
        {
            return null; // it does not listen yet
        }
    }

    private async Task SubmitAsync(HttpClient client, int count, CancellationToken cancellationToken)
    {
        var jobs = Enumerable.Range(_submitted, count)
            .Select(number => Job($"insert into effect values ({number}); select pg_sleep(0.02)", returnResult: false));
        _submitted += count;
        using var response = await client.PostAsJsonAsync("/api/v1/jobs", jobs, cancellationToken);
        var reply = await Reply.ReadAsync(response, cancellationToken);
        reply.AssertStatus((int)HttpStatusCode.Accepted);
    }

    private static async Task<string?> QueryAsync(HttpClient client, CancellationToken cancellationToken)
    {
        using var response = await client.PostAsJsonAsync(
            "/api/v1/job", Job("select 7 as seven", returnResult: true), cancellationToken);
        var reply = await Reply.ReadAsync(response, cancellationToken);
        return reply.AssertStatus(200).Json.GetProperty("result").GetProperty("data").ToString();
    }

    private static object Job(string query, bool returnResult) => new
    {
        name = "upgrade",
        command_criteria = new[] { "type:postgres" },
        cluster_criteria = new[] { "_id:postgres" },
        context = new { query, return_result = returnResult },
    };

    private async Task AssertEachRanOnceAsync(CancellationToken cancellationToken)
    {
        await Eventually.Becomes(
            () => _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.job where finished_at is null", cancellationToken),
            () => Is.Zero, cancellationToken, TimeSpan.FromSeconds(120));

        var statuses = await _heimdall.Store.ColumnAsync<string>(
            "select distinct status || coalesce(': ' || error, '') from heimdall.job", cancellationToken);
        var numbers = await _heimdall.Target.ColumnAsync<int>(
            "select number from effect order by number", cancellationToken);
        Assert.That(statuses, Is.EqualTo(new[] { "SUCCEEDED" }));
        Assert.That(numbers, Is.EqualTo(Enumerable.Range(0, _submitted)));
    }
}

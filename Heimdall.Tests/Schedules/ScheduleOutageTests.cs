using System.Net;
using System.Net.Http.Json;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Schedules;

/// <summary>Heimdall's own database fails while a worker fires a schedule each second.</summary>
[CancelAfter(180_000)]
public sealed class ScheduleOutageTests() : RealProcessTests(processes: 1)
{
    private const string Id = "secondly";

    [Test]
    public async Task A_store_that_restarts_costs_no_second_and_doubles_none(CancellationToken cancellationToken)
    {
        await using var server = await RestartableServer.StartAsync();
        await using var heimdall = await HeimdallInstance.CreateAsync(storeServer: server.ConnectionString);
        var worker = heimdall.StartWorkerProcess();
        await heimdall.StartApiAsync();
        await PutAsync(heimdall, cancellationToken);
        await WaitForEndedAsync(heimdall, 2, cancellationToken);

        foreach (var (mode, seconds) in new[] { ("immediate", 0), ("immediate", 3), ("fast", 1) })
        {
            var before = await CountAsync(heimdall, cancellationToken);
            await server.RestartAsync(mode, cancellationToken, seconds);
            await WaitForEndedAsync(heimdall, before + 3, cancellationToken);
        }

        await AssertEachSecondOnceAsync(heimdall, cancellationToken);
        Assert.That(worker.HasExited, Is.False);
    }

    [Test]
    public async Task A_store_that_takes_no_job_for_a_while_costs_no_second_and_no_worker(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        var worker = heimdall.StartWorkerProcess();
        await PutAsync(heimdall, cancellationToken);
        await WaitForEndedAsync(heimdall, 2, cancellationToken);

        // A full disk, as Hangfire's client meets it.
        await heimdall.Store.ExecuteAsync(
            """
            create function fail() returns trigger language plpgsql as $$ begin raise exception 'no room' using errcode = '53100'; end $$;
            create trigger fail before insert on hangfire.job for each row when (new.invocationdata::text like '%IJobRunner%') execute function fail()
            """,
            cancellationToken);
        // Looked after by the keeper too, once Hangfire's calls have failed.
        await Eventually.Is(
            () => Task.FromResult(worker.HasExited
                || heimdall.Logs.Any(log =>
                    log.Contains("Upkeep of schedules is postponed", StringComparison.Ordinal))),
            cancellationToken);
        Assert.That(worker.HasExited, Is.False);
        await heimdall.Store.ExecuteAsync("drop trigger fail on hangfire.job", cancellationToken);
        await WaitForEndedAsync(heimdall, await CountAsync(heimdall, cancellationToken) + 3, cancellationToken);

        await AssertEachSecondOnceAsync(heimdall, cancellationToken);
        Assert.That(worker.HasExited, Is.False);
    }

    private static async Task PutAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        var body = new
        {
            cron = "* * * * * *", misfire = "all", overlap = "allow", command_criteria = new[] { "type:postgres" }, cluster_criteria = new[] { "data:local" },
            context = new { query = "select 1" },
        };
        (await heimdall.SendAsync(HttpMethod.Put, $"/api/v1/schedule/{Id}", cancellationToken, JsonContent.Create(body))).AssertStatus(201);
    }

    private static Task<long> CountAsync(HeimdallInstance heimdall, CancellationToken cancellationToken) =>
        heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where status = 'SUCCEEDED'", cancellationToken);

    private static Task WaitForEndedAsync(HeimdallInstance heimdall, long jobs, CancellationToken cancellationToken) => Eventually.Is(
        async () =>
        {
            try
            {
                return await CountAsync(heimdall, cancellationToken) >= jobs;
            }
            catch (NpgsqlException)
            {
                return false; // the test's own connection has gone with the server
            }
        },
        cancellationToken,
        TimeSpan.FromSeconds(90));

    private static async Task AssertEachSecondOnceAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        await Eventually.Becomes(
            () => heimdall.SendAsync(HttpMethod.Post, $"/api/v1/schedule/{Id}/pause", cancellationToken),
            () => Has.Property(nameof(Reply.Status)).EqualTo(HttpStatusCode.OK),
            cancellationToken);
        await Eventually.Is(
            () => heimdall.Store.ScalarAsync<bool>("select not exists (select from heimdall.job where status <> 'SUCCEEDED')", cancellationToken),
            cancellationToken,
            TimeSpan.FromSeconds(90));
        var planned = await heimdall.Store.ColumnAsync<DateTime>("select planned_at from heimdall.job order by 1", cancellationToken);
        Assert.That(planned, Is.EqualTo(Enumerable.Range(0, planned.Count).Select(second => planned[0].AddSeconds(second))));
        Assert.That(
            await heimdall.Store.ColumnAsync<DateTime>("select planned_at from heimdall.schedule_run where outcome = 'FIRED' order by 1", cancellationToken),
            Is.EqualTo(planned));
    }
}

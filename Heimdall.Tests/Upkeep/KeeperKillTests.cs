using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>A keeper that dies, or is frozen, is followed by another process.</summary>
[CancelAfter(300_000)]
public sealed class KeeperKillTests() : RealProcessTests(processes: 1)
{
    private const string Leads = "does the upkeep for all processes";

    /// <summary>For a process that starts on a machine that is busy.</summary>
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(90);

    [TestCase("KILL")]
    [TestCase("STOP")]
    public async Task An_api_follows_a_worker(string signal, CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync();
        await using var worker = heimdall.StartWorkerProcess();
        await Eventually.Is(() => Task.FromResult(worker.ReadLog().Contains(Leads, StringComparison.Ordinal)),
            cancellationToken, StartTime);
        await heimdall.StartApiAsync();

        await worker.SignalAsync(signal, cancellationToken);

        await Eventually.Is(() => Task.FromResult(LeaderCount(heimdall) == 2), cancellationToken, StartTime);
        var late = await SubmitLateAsync(heimdall, cancellationToken);
        var job = await heimdall.WaitForEndAsync(late, cancellationToken);
        Assert.That(job["status"], Is.EqualTo("KILLED"), "the upkeep ends what was not started in time");
        if (signal == "STOP")
        {
            await worker.SignalAsync("CONT", cancellationToken);
            var next = await heimdall.EnqueueAsync("select 1", cancellationToken);
            await heimdall.WaitForStatusAsync(next, "SUCCEEDED", cancellationToken);
            Assert.That(worker.HasExited, Is.False, "it has lost the keeper's session only, and still runs jobs");
        }
        await worker.KillAsync(cancellationToken);
    }

    /// <summary>The keeper's own file lacks the cluster, so that only another process can ask there.</summary>
    [Test]
    public async Task An_inline_query_of_a_dead_api_is_ended_by_a_process_that_has_its_cluster(
        CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync();
        await heimdall.StartWorkerAsync();
        await Eventually.Is(() => Task.FromResult(LeaderCount(heimdall) == 1), cancellationToken, StartTime);
        heimdall.Configure(config => config.WithCluster("second", "type:postgres, data:local", config.Target));
        await heimdall.StartApiProcessAsync();
        var query = heimdall.SubmitAsync(
            "select pg_sleep(600)", returnResult: true, cancellationToken, cluster: "_id:second");
        var id = await heimdall.FindJobAsync("test", "RUNNING", cancellationToken);
        await Eventually.Is(() => heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);
        await using var other = await SecondApi.StartAsync(heimdall, cancellationToken);

        await heimdall.Api!.KillAsync(cancellationToken);

        await Task.WhenAny(query);
        Assert.That(query.IsFaulted, Is.True, "nobody answers");
        var error = await Eventually.Becomes(
            () => heimdall.Store.ScalarAsync<string>(
                "select concat(status, ': ', error) from heimdall.job where id = $1", cancellationToken, id),
            () => Does.StartWith("FAILED"), cancellationToken);
        Assert.That(error, Does.Not.Contain("configuration file"));
        await Eventually.Is(async () => !await heimdall.HasBackendAsync(id, cancellationToken), cancellationToken);
    }

    private static int LeaderCount(HeimdallInstance heimdall) =>
        heimdall.Logs.Count(log => log.Contains(Leads, StringComparison.Ordinal));

    /// <summary>A job for a cluster that the file has, by nobody who could run it in time.</summary>
    private static async Task<Guid> SubmitLateAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.Serialize(new
        {
            name = "late",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "_id:postgres" },
            start_before = DateTime.UtcNow.AddSeconds(2),
            context = new { query = "select 1" },
        });
        return (await heimdall.PostJobAsync(body, cancellationToken)).AssertStatus(202).Id;
    }
}

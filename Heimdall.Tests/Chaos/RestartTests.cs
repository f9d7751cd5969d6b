using System.Diagnostics;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>Servers that are restarted under load: in order, at once, or by themselves because one of their processes was killed.</summary>
[CancelAfter(540_000)]
public sealed class RestartTests() : RealProcessTests(processes: 3)
{
    private static readonly string[] Modes = ["fast", "immediate", "kill of a backend", "immediate"];

    private const string AnyBackend =
        "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() order by state <> 'active', random() limit 1";

    private static readonly ChaosReport OfStores = new("store");
    private static readonly ChaosReport OfTargets = new("target");

    private static IEnumerable<TestCaseData> StoreRounds => ChaosRound.Of(shortFaults: 2, longFaults: 24, rounds: 1, withReceipts: 0);

    private static IEnumerable<TestCaseData> TargetRounds => ChaosRound.Of(shortFaults: 2, longFaults: 24, rounds: 1, withReceipts: 1);

    [OneTimeTearDown]
    public void Sum() => OfTargets.PrintSum();

    [TestCaseSource(nameof(StoreRounds))]
    public async Task Jobs_survive_their_store(ChaosRound round, CancellationToken cancellationToken)
    {
        await using var server = await RestartableServer.StartAsync();
        await using var heimdall = await ChaosInstance.CreateAsync(round, storeServer: server.ConnectionString);

        var (restarts, verdict) = await RestartAsync(round, heimdall, heimdall.Store, server, cancellationToken);

        OfStores.Add(round, restarts, verdict);
        Assert.That((verdict.Failed, verdict.Unknown), Is.EqualTo((0, 0)), string.Join('\n', verdict.Wrongs));
    }

    [TestCaseSource(nameof(TargetRounds))]
    public async Task What_a_target_does_not_survive_is_said(ChaosRound round, CancellationToken cancellationToken)
    {
        await using var server = await RestartableServer.StartAsync();
        await using var heimdall = await ChaosInstance.CreateAsync(round, targetServer: server.ConnectionString);

        var (restarts, verdict) = await RestartAsync(round, heimdall, heimdall.Target, server, cancellationToken);

        OfTargets.Add(round, restarts, verdict);
        Assert.That(verdict.Unknown, Is.Zero, string.Join('\n', verdict.Wrongs));
    }

    private static async Task<(Dictionary<string, int> Restarts, ChaosVerdict Verdict)> RestartAsync(
        ChaosRound round, HeimdallInstance heimdall, TestDatabase database, RestartableServer server, CancellationToken cancellationToken)
    {
        await ChaosJobs.PrepareAsync(heimdall);
        await heimdall.StartApiProcessAsync();
        await using var first = heimdall.StartWorkerProcess();
        await using var second = heimdall.StartWorkerProcess();
        var random = new Random(round.Seed);
        var jobs = new ChaosJobs(heimdall, round.Seed);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var busy = jobs.KeepBusyAsync(open: 16, stop.Token, cancellationToken);

        var restarts = new Dictionary<string, int>();
        for (var number = 0; number < round.Faults; number++)
        {
            await RunSomeAsync(heimdall, jobs, cancellationToken);
            await Task.Delay(random.Next(500), cancellationToken);
            var mode = Modes[number % Modes.Length];
            await (mode is "fast" or "immediate" ? server.RestartAsync(mode, cancellationToken) : KillBackendAsync(database, cancellationToken));
            restarts[mode] = restarts.GetValueOrDefault(mode) + 1;
        }
        await RunSomeAsync(heimdall, jobs, cancellationToken);
        await stop.CancelAsync();
        await busy;
        return (restarts, await jobs.JudgeAsync(cancellationToken));
    }

    /// <summary>Waits until a job that was submitted now has run: all goes on by itself.</summary>
    private static async Task RunSomeAsync(HeimdallInstance heimdall, ChaosJobs jobs, CancellationToken cancellationToken)
    {
        var id = await Eventually.Becomes(() => jobs.SubmitFirstAsync(cancellationToken), () => Is.Not.Null, cancellationToken);
        await Eventually.Is(
            async () => await heimdall.GetAsync($"/api/v1/job/{id}", cancellationToken) is { } job && (int)job.Status == 200 && job["status"] is "SUCCEEDED" or "FAILED",
            cancellationToken);
    }

    /// <summary>One of its processes dies, and the server takes all sessions down and recovers from its log.</summary>
    private static async Task KillBackendAsync(TestDatabase database, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(AnyBackend, connection);
        using var backend = Process.GetProcessById((int)(await command.ExecuteScalarAsync(cancellationToken))!);
        backend.Kill();
    }
}

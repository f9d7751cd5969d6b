using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>An API process that is killed between any two steps of a submit. What it has answered holds; what it has not may be, once, or not be.</summary>
[CancelAfter(540_000)]
public sealed class ApiKillTests() : RealProcessTests(processes: 2)
{
    /// <summary>Messages to the store, or back, that one submit takes at most: beyond them the kill hits the next one.</summary>
    private const int LongestSubmit = 12;

    private static readonly ChaosReport Report = new("api");

    private static IEnumerable<TestCaseData> Rounds => ChaosRound.Of(shortFaults: 3, longFaults: 50, rounds: 1, withReceipts: 0);

    [OneTimeTearDown]
    public void Sum() => Report.PrintSum();

    [TestCaseSource(nameof(Rounds))]
    public async Task What_is_taken_runs_once(ChaosRound round, CancellationToken cancellationToken)
    {
        await using var heimdall = await ChaosInstance.CreateAsync(round);
        await ChaosJobs.PrepareAsync(heimdall);
        await using var worker = heimdall.StartWorkerProcess();
        await using var proxy = new WatchingProxy(heimdall.Store.ConnectionString);
        heimdall.Variables[ChaosInstance.StorePort] = proxy.Port;
        var random = new Random(round.Seed);
        var jobs = new ChaosJobs(heimdall, round.Seed);

        for (var kill = 0; kill < round.Faults; kill++)
        {
            await heimdall.StartApiProcessAsync();
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var busy = jobs.KeepBusyAsync(open: 12, stop.Token, cancellationToken);
            await Eventually.Is(async () => await jobs.TryCountOpenAsync(cancellationToken) > 4, cancellationToken);
            await proxy.AmbushAsync(
                step: null,
                (MessageMoment)random.Next(4),
                random.Next(LongestSubmit),
                async () =>
                {
                    await heimdall.Api!.KillAsync(CancellationToken.None);
                    return false;
                },
                cancellationToken);
            await stop.CancelAsync();
            await busy;
        }
        await heimdall.StartApiProcessAsync();
        var verdict = await jobs.JudgeAsync(cancellationToken);

        Report.Add(round, new Dictionary<string, int> { ["kills"] = round.Faults }, verdict);
        Assert.That((verdict.Failed, verdict.Unknown), Is.EqualTo((0, 0)), string.Join('\n', verdict.Wrongs));
    }
}

using System.Collections.Concurrent;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>Workers that are frozen for two leases in the middle of a batch or of its COMMIT, and go on as if nothing had been.</summary>
[CancelAfter(540_000)]
public sealed class FrozenWorkerTests() : RealProcessTests(processes: 4)
{
    private const int Slots = 2;

    private static readonly ChaosReport Report = new("frozen workers");

    private static IEnumerable<TestCaseData> Rounds => ChaosRound.Of(shortFaults: 4, longFaults: 30, rounds: 1, withReceipts: 1);

    [OneTimeTearDown]
    public void Sum() => Report.PrintSum();

    [TestCaseSource(nameof(Rounds))]
    public async Task Who_wakes_has_no_say(ChaosRound round, CancellationToken cancellationToken)
    {
        await using var heimdall = await ChaosInstance.CreateAsync(round);
        await ChaosJobs.PrepareAsync(heimdall);
        await heimdall.StartApiProcessAsync();
        // Some still run in their next attempt when the worker of the last one wakes.
        var jobs = new ChaosJobs(heimdall, round.Seed) { LongSleep = 2.5 * ChaosInstance.Lease };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var busy = jobs.KeepBusyAsync(open: 20, stop.Token, cancellationToken);

        // One of three is never frozen: the others' jobs are taken over, and not only given back to them.
        var freezes = new ConcurrentQueue<int>(Enumerable.Range(0, round.Faults));
        await using var awake = ChaosWorker.Start(heimdall);
        await Task.WhenAll(Enumerable.Range(0, Slots).Select(slot => FreezeAsync(heimdall, freezes, new Random(round.Seed + slot), cancellationToken)));
        await stop.CancelAsync();
        await busy;
        var verdict = await jobs.JudgeAsync(cancellationToken);

        Report.Add(round, new Dictionary<string, int> { ["times frozen for two leases"] = round.Faults }, verdict);
        Assert.That(verdict.Resumed, Is.Positive, "freezes after which nothing was taken over show nothing");
        Assert.That((verdict.Failed, verdict.Unknown), Is.EqualTo((0, 0)), string.Join('\n', verdict.Wrongs));
    }

    private static async Task FreezeAsync(HeimdallInstance heimdall, ConcurrentQueue<int> freezes, Random random, CancellationToken cancellationToken)
    {
        await using var worker = ChaosWorker.Start(heimdall);
        while (freezes.TryDequeue(out _))
        {
            var time = 2 * ChaosInstance.Lease;
            await (random.Next(2) == 0
                ? worker.FreezeAtCommitAsync((MessageMoment)random.Next(4), time, cancellationToken)
                : worker.FreezeInBatchAsync(TimeSpan.FromMilliseconds(random.Next(200)), time, cancellationToken));
        }
    }
}

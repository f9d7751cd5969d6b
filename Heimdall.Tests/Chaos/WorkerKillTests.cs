using System.Collections.Concurrent;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>Workers that are killed in the middle of batches, a third of them in the very moment of a COMMIT.</summary>
[CancelAfter(540_000)]
public sealed class WorkerKillTests() : RealProcessTests(processes: 4)
{
    private const int Slots = 3;

    private static readonly ChaosReport Report = new("workers");

    private static IEnumerable<TestCaseData> Rounds => ChaosRound.Of(shortFaults: 9, longFaults: 50, rounds: 6, withReceipts: 2);

    [OneTimeTearDown]
    public void Sum() => Report.PrintSum();

    [TestCaseSource(nameof(Rounds))]
    public async Task Every_batch_takes_effect_once(ChaosRound round, CancellationToken cancellationToken)
    {
        await using var heimdall = await ChaosInstance.CreateAsync(round);
        await ChaosJobs.PrepareAsync(heimdall);
        await heimdall.StartApiProcessAsync();
        var jobs = new ChaosJobs(heimdall, round.Seed);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var busy = jobs.KeepBusyAsync(open: 40, stop.Token, cancellationToken);

        var plans = KillPlan.Draw(round);
        var kills = new ConcurrentQueue<KillPlan>(plans);
        await Task.WhenAll(Enumerable.Range(0, Slots).Select(_ => KillAsync(heimdall, kills, cancellationToken)));
        await stop.CancelAsync();
        await busy;
        await using var last = ChaosWorker.Start(heimdall);
        var verdict = await jobs.JudgeAsync(cancellationToken);

        Report.Add(round, new Dictionary<string, int> { ["kills"] = plans.Count, ["of them at COMMIT"] = plans.Count(plan => plan.AtCommit is not null) }, verdict);
        Assert.That(verdict.Resumed, Is.Positive, "kills that hit no batch show nothing");
        Assert.That((verdict.Failed, verdict.Unknown), Is.EqualTo((0, 0)), string.Join('\n', verdict.Wrongs));
    }

    private static async Task KillAsync(HeimdallInstance heimdall, ConcurrentQueue<KillPlan> kills, CancellationToken cancellationToken)
    {
        while (kills.TryDequeue(out var plan))
        {
            await using var worker = ChaosWorker.Start(heimdall);
            await (plan.AtCommit is { } moment
                ? worker.KillAtCommitAsync(moment, plan.Wait, cancellationToken)
                : worker.KillInBatchAsync(plan.Wait, cancellationToken));
        }
    }

    private sealed record KillPlan(MessageMoment? AtCommit, TimeSpan Wait)
    {
        public static List<KillPlan> Draw(ChaosRound round)
        {
            var random = new Random(round.Seed);
            return [.. Enumerable.Range(0, round.Faults).Select(number => number % 3 == 0
                ? new KillPlan((MessageMoment)random.Next(4), TimeSpan.FromMicroseconds(random.Next(1000)))
                : new KillPlan(AtCommit: null, TimeSpan.FromMilliseconds(random.Next(300))))];
        }
    }
}

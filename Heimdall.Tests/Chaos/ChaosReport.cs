using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>Prints what became of the rounds of one kind, and of all of them together.</summary>
internal sealed class ChaosReport(string kind)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _faults = [];
    private ChaosVerdict _sum = new();
    private int _rounds;

    /// <summary>Prints a round, and fails the test where Heimdall has not kept its word.</summary>
    /// <param name="round">Which.</param>
    /// <param name="faults">How many of what.</param>
    /// <param name="verdict">Of its jobs.</param>
    public void Add(ChaosRound round, IReadOnlyDictionary<string, int> faults, ChaosVerdict verdict)
    {
        TestContext.Progress.WriteLine($"chaos {kind}, {(round.Receipts ? "receipts, " : "")}HEIMDALL_SEED={round.Seed}: {Describe(faults)}, {verdict}");
        lock (_lock)
        {
            _rounds++;
            _sum += verdict;
            foreach (var (name, count) in faults)
            {
                _faults[name] = _faults.GetValueOrDefault(name) + count;
            }
        }
        Assert.That((verdict.Lost, verdict.Twice, verdict.Lying, verdict.Stuck, verdict.Early), Is.EqualTo((0, 0, 0, 0, 0)), string.Join('\n', verdict.Wrongs));
        Assert.That(verdict.Succeeded, Is.Positive, "a round in which nothing succeeds shows nothing");
    }

    public void PrintSum()
    {
        if (_rounds > 1)
        {
            TestContext.Progress.WriteLine($"chaos {kind}, {_rounds} rounds together: {Describe(_faults)}, {_sum}");
        }
    }

    private static string Describe(IReadOnlyDictionary<string, int> faults) =>
        string.Join(", ", faults.OrderBy(fault => fault.Key, StringComparer.Ordinal).Select(fault => $"{fault.Value} {fault.Key}"));
}

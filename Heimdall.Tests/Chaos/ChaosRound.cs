using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>
/// So many faults of one kind, in an order that the seed decides. By default one short round a kind, and a shorter one with receipts; <c>HEIMDALL_LONG_TESTS=1</c> runs
/// the long ones, each a test case of its own, so that what is left can be run alone.
/// </summary>
public sealed record ChaosRound(string Name, int Seed, int Faults, bool Receipts)
{
    private static readonly int FirstSeed = TestSetting.Number("HEIMDALL_SEED") ?? Random.Shared.Next(1_000_000_000);

    /// <summary>The rounds of one kind of fault.</summary>
    /// <param name="shortFaults">Faults in the short round.</param>
    /// <param name="longFaults">Faults in each long one.</param>
    /// <param name="rounds">Long rounds without receipts.</param>
    /// <param name="withReceipts">Long rounds with receipts.</param>
    public static IEnumerable<TestCaseData> Of(int shortFaults, int longFaults, int rounds, int withReceipts)
    {
        var all = TestSetting.IsLong
            ? Enumerable.Range(1, rounds + withReceipts).Select(number => new ChaosRound($"round {number}", FirstSeed + number, longFaults, number > rounds))
            : [new ChaosRound("short round", FirstSeed, shortFaults, Receipts: false), .. withReceipts > 0 ? ShortWithReceipts(shortFaults) : []];
        return all.Select(round => new TestCaseData(round).SetArgDisplayNames(round.Receipts ? $"{round.Name} with receipts" : round.Name));
    }

    private static ChaosRound[] ShortWithReceipts(int faults) => [new ChaosRound("short round", FirstSeed + 1, (faults + 1) / 2, Receipts: true)];
}

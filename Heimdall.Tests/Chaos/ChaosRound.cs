using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>
/// So many faults of one kind, in an order that the seed decides. By default one short round a kind, and shorter ones with
/// receipts and on Hangfire's stock storage. <c>HEIMDALL_LONG_TESTS=1</c> runs the long ones, each a test case of its own,
/// so that what is left can be run alone; every fourth is on the stock storage.
/// </summary>
public sealed record ChaosRound(string Name, int Seed, int Faults, bool Receipts, bool OnStockStorage = false)
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
            ? Enumerable.Range(1, rounds + withReceipts).Select(number => new ChaosRound(
                $"round {number}", FirstSeed + number, longFaults, number > rounds, OnStockStorage: number % 4 == 0))
            :
            [
                new ChaosRound("short round", FirstSeed, shortFaults, Receipts: false),
                new ChaosRound("short round", FirstSeed + 2, (shortFaults + 1) / 2, Receipts: false, OnStockStorage: true),
                .. withReceipts > 0 ? ShortWithReceipts(shortFaults) : [],
            ];
        return all.Select(round => new TestCaseData(round).SetArgDisplayNames(
            round.Name + (round.Receipts ? " with receipts" : "") + (round.OnStockStorage ? " on the stock storage" : "")));
    }

    private static ChaosRound[] ShortWithReceipts(int faults) => [new ChaosRound("short round", FirstSeed + 1, (faults + 1) / 2, Receipts: true)];
}

using System.Diagnostics;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>Gives random input to a parser: some rounds of it, or ten minutes for the long tests.</summary>
internal static class Fuzzing
{
    /// <summary>Of the short run: what it finds, it finds each time.</summary>
    private const int UsualSeed = 20_261_130;

    /// <summary>What one input may take from the heap: far above what a parser of a short text needs.</summary>
    private const long MostBytes = 100_000_000;

    public static readonly TimeSpan LongTime = TimeSpan.FromMinutes(10);

    public static int Seed { get; } = TestSetting.Number("HEIMDALL_SEED")
        ?? (TestSetting.IsLong ? Random.Shared.Next(1_000_000_000) : UsualSeed);

    /// <param name="rounds">In the short run.</param>
    /// <param name="make">Makes an input.</param>
    /// <param name="read">Reads it; false where it is refused as it should be.</param>
    public static void Run(int rounds, Func<Random, string> make, Func<string, bool> read)
    {
        var started = Stopwatch.GetTimestamp();
        var (round, taken) = (0, 0);
        for (; TestSetting.IsLong ? Stopwatch.GetElapsedTime(started) < LongTime : round < rounds; round++)
        {
            var text = make(new Random(Seed + round));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                taken += read(text) ? 1 : 0;
            }
            catch (Exception exception)
            {
                throw new AssertionException($"HEIMDALL_SEED={Seed + round}: {text}\n{exception}", exception);
            }
            Assert.That(
                GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(MostBytes),
                () => $"HEIMDALL_SEED={Seed + round}: {text}");
        }
        TestContext.Out.WriteLine($"{taken} of {round} were taken");
        Assert.That(taken, Is.InRange(1, round - 1), "some are right and some are wrong");
    }

    /// <summary>A text with some of its characters cut, doubled or replaced, and words put in.</summary>
    public static string Change(Random random, string text, string[] words)
    {
        for (var left = random.Next(4); left > 0 && text.Length > 0; left--)
        {
            var at = random.Next(text.Length);
            var end = Math.Min(text.Length, at + random.Next(1, 12));
            text = random.Next(4) switch
            {
                0 => text[..at] + text[end..],
                1 => text[..end] + text[at..],
                2 => text[..at] + words[random.Next(words.Length)] + text[at..],
                _ => text[..at] + (char)random.Next(1, 0x250) + text[(at + 1)..],
            };
        }
        return text;
    }
}

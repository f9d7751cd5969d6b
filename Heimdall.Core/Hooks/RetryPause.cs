using Heimdall.Core.Configuration;

namespace Heimdall.Core.Hooks;

/// <summary>How long after a failed attempt a message is tried again.</summary>
internal static class RetryPause
{
    private const double Factor = 4;

    private static readonly TimeSpan Longest = TimeSpan.FromHours(2);

    /// <param name="first">After the first failure.</param>
    /// <param name="failures">How many there were, from 1.</param>
    /// <param name="asked">How long the receiver asks to be left alone.</param>
    /// <param name="left">After so long it is given up: there is one last attempt then.</param>
    /// <param name="chance">From 0 to 1: messages that failed together are not sent again together.</param>
    public static TimeSpan After(TimeSpan first, int failures, TimeSpan? asked, TimeSpan left, double chance)
    {
        var whole = first * Math.Pow(Factor, Math.Min(failures - 1, 16));
        var pause = (whole < Longest ? whole : Longest) * (0.75 + (chance / 2));
        pause = asked > pause ? (asked.Value < Longest ? asked.Value : Longest) : pause;
        return pause < left ? pause : left;
    }
}

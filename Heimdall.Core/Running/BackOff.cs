namespace Heimdall.Core.Running;

/// <summary>
/// How long a job waits that is tried again: twice as long after each failure, and not all at one time, for jobs that were in each
/// other's way would be so once more.
/// </summary>
internal static class BackOff
{
    public static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <param name="failures">How often the job has failed, from 1.</param>
    /// <param name="chance">From 0 to 1: where in the upper half of the time.</param>
    public static TimeSpan After(int failures, double chance)
    {
        // Beyond this power the longest wait is reached, whatever is doubled.
        var whole = First * Math.Pow(2, Math.Min(failures - 1, 16));
        return (whole < Longest ? whole : Longest) * (0.5 + (chance / 2));
    }
}

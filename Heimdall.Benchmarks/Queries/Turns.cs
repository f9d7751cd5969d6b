namespace Heimdall.Benchmarks.Queries;

/// <summary>Contenders in turns, so that a slow minute of the machine is everybody's.</summary>
internal static class Turns
{
    /// <param name="contenders">The first of them begins.</param>
    /// <param name="rounds">How often each runs.</param>
    /// <param name="runAsync">Runs one; takes the round's number too.</param>
    /// <returns>The runs of each.</returns>
    public static async Task<IReadOnlyList<TRun>[]> RunAsync<TContender, TRun>(
        IReadOnlyList<TContender> contenders, int rounds, Func<TContender, int, Task<TRun>> runAsync)
    {
        var runs = contenders.Select(_ => new List<TRun>()).ToArray();
        for (var round = 1; round <= rounds; round++)
        {
            // The other way round every other time, so that nobody always follows the same one.
            var order = Enumerable.Range(0, contenders.Count);
            foreach (var place in round % 2 == 1 ? order : order.Reverse())
            {
                runs[place].Add(await runAsync(contenders[place], round));
            }
        }
        return runs;
    }
}

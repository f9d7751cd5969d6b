using System.Globalization;
using Heimdall.Benchmarks.Reports;
using Heimdall.Benchmarks.Servers;
using Npgsql;

namespace Heimdall.Benchmarks.Suites;

/// <summary>One of those that are compared in a row.</summary>
/// <param name="Name">As in the report.</param>
/// <param name="RunAsync">Runs it once; takes the number of the round.</param>
internal sealed record Contender(string Name, Func<int, Task<IReadOnlyList<Figure>>> RunAsync)
{
    /// <summary>Gets ready; not timed.</summary>
    public Func<Task> PrepareAsync { get; init; } = () => Task.CompletedTask;
}

/// <summary>What the rows of a run are measured with.</summary>
/// <param name="server">The store's and the targets'.</param>
/// <param name="folder">For files.</param>
/// <param name="options">What was typed.</param>
internal sealed class Bench(PostgresServer server, string folder, SuiteOptions options) : IAsyncDisposable
{
    private readonly Dictionary<string, IAsyncDisposable> _shared = [];

    public PostgresServer Server => server;

    public string Folder => folder;

    public SuiteOptions Options => options;

    public bool Quick => options.Quick;

    public int Rounds => options.RoundCount;

    /// <summary>What several rows use is made by the first of them, and disposed at the end of all, the last first.</summary>
    public async Task<T> SharedAsync<T>(string name, Func<Task<T>> makeAsync)
        where T : IAsyncDisposable
    {
        if (!_shared.TryGetValue(name, out var made))
        {
            made = await makeAsync();
            _shared[name] = made;
        }
        return (T)made;
    }

    /// <summary>
    /// Runs contenders in turns, so that a slow minute of the machine is everybody's. The last of them begins, and every other round
    /// the first, so that nobody always follows the same one.
    /// </summary>
    /// <param name="row">The row's name.</param>
    /// <param name="contenders">Heimdall first.</param>
    /// <returns>The runs of each. One that fails once is not run again.</returns>
    public async Task<IReadOnlyList<Series>> InTurnsAsync(string row, params IReadOnlyList<Contender> contenders)
    {
        var all = contenders.Select(contender => (Contender: contender, Series: new Series(contender.Name))).ToArray();
        foreach (var (contender, series) in all)
        {
            await TryAsync(row, series, contender.PrepareAsync);
        }
        for (var round = 1; round <= Rounds; round++)
        {
            foreach (var (contender, series) in round % 2 == 1 ? all.Reverse() : all)
            {
                await TryAsync(row, series, async () =>
                {
                    var run = await contender.RunAsync(round);
                    series.Add(run);
                    var figures = run.Select(one => $"{one.Name} {one.Value?.ToString(one.Format, CultureInfo.InvariantCulture)} {one.Unit}");
                    await Console.Error.WriteLineAsync($"{row}, round {round} of {Rounds}: {contender.Name}: {string.Join(", ", figures)}");
                });
            }
        }
        return [.. all.Select(one => one.Series)];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var made in _shared.Values.Reverse())
        {
            await made.DisposeAsync();
        }
    }

    private static async Task TryAsync(string row, Series series, Func<Task> action)
    {
        if (series.Failure is not null)
        {
            return;
        }
        try
        {
            await action();
        }
        catch (Exception e) when (e is BenchmarkException or NpgsqlException)
        {
            series.Fail(e as BenchmarkException ?? new BenchmarkException(e.Message, e));
            await Console.Error.WriteLineAsync($"{row}: {series.Name}: {e.Message}");
        }
    }
}

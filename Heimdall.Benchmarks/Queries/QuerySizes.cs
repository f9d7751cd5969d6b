namespace Heimdall.Benchmarks.Queries;

/// <summary>How much of everything.</summary>
internal sealed record QuerySizes
{
    public static QuerySizes Full { get; } = new()
    {
        Rows = 1_000_000,
        Callers = 100,
        CallerRows = 100_000,
        WarmUpQueries = 200,
        LoadTime = TimeSpan.FromSeconds(5),
        WarmUpTime = TimeSpan.FromSeconds(40),
    };

    public static QuerySizes Quick { get; } = new()
    {
        Rows = 10_000,
        Callers = 10,
        CallerRows = 1_000,
        WarmUpQueries = 5,
        LoadTime = TimeSpan.FromSeconds(0.5),
        WarmUpTime = TimeSpan.FromSeconds(0.5),
    };

    /// <summary>Of the table.</summary>
    public required int Rows { get; init; }

    /// <summary>That ask at the same time.</summary>
    public required int Callers { get; init; }

    /// <summary>That each of them gets.</summary>
    public required int CallerRows { get; init; }

    /// <summary>That an API has answered before anything is measured.</summary>
    public required int WarmUpQueries { get; init; }

    /// <summary>Of requests, in each round.</summary>
    public required TimeSpan LoadTime { get; init; }

    /// <summary>Before the first round: a runtime compiles once more what is called often.</summary>
    public required TimeSpan WarmUpTime { get; init; }
}

using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Suites;

namespace Heimdall.Benchmarks.Lists;

/// <summary>The options of <c>lists</c>.</summary>
internal sealed record ListsOptions : SuiteOptions
{
    public static readonly string Help = $"""
        usage: dotnet run -c Release --project Heimdall.Benchmarks -- lists [options]

        Fills two stores with jobs that have ended, ten thousand and a million, and asks for pages of them in turns, over REST and in
        the dashboard. A history that is a hundred times as long is to cost hardly more.

          --only NAME[,NAME]     some of: {string.Join(", ", ListRow.All.Select(row => row.Name))}
          --rounds N             runs of each (5, and 1 with --quick)
          --quick                short histories and loads: shows that it works, and measures nothing
          --work DIR             where a private server has its files (a temporary directory)

        """;

    public int FewJobs => Quick ? 500 : 10_000;

    public int ManyJobs => Quick ? 5_000 : 1_000_000;

    public TimeSpan LoadTime => TimeSpan.FromSeconds(Quick ? 0.2 : 2);

    protected override string Suite => "lists";

    protected override IReadOnlyList<string> Names { get; } = [.. ListRow.All.Select(row => row.Name)];

    /// <exception cref="BenchmarkException">They cannot be understood.</exception>
    public static ListsOptions Parse(string[] args) => Parse(new ListsOptions(), args, (_, _) => null);
}

using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Suites;

namespace Heimdall.Benchmarks.Queries;

/// <summary>The options of <c>queries</c>.</summary>
internal sealed record QueriesOptions : SuiteOptions
{
    public static readonly string Help = $"""
        usage: dotnet run -c Release --project Heimdall.Benchmarks -- queries [options]

        Runs queries over HTTP with Heimdall and, in turns, with psql or with a bare handler that does nothing but run the SQL, and
        compares what they took with the goals. Each row of the report has an API and a worker of its own, so it does not matter
        what else is measured. A goal that is missed is reported and is no failure; a reply that is wrong or not whole is one (exit
        code 1). Processors are kept awake as in scripts.

          --only NAME[,NAME]     some of: {string.Join(", ", QueryRow.Names)}
          --rounds N             runs of each (5, and 1 with --quick)
          --quick                a small table, read once: shows that it works, and measures nothing
          --work DIR             where a private server has its files (a temporary directory)

        """;

    protected override string Suite => "queries";

    protected override IReadOnlyList<string> Names => QueryRow.Names;

    public QuerySizes Sizes => Quick ? QuerySizes.Quick : QuerySizes.Full;

    /// <exception cref="BenchmarkException">They cannot be understood.</exception>
    public static QueriesOptions Parse(string[] args) => Parse(new QueriesOptions(), args, (_, _) => null);
}

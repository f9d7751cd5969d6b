using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Suites;

namespace Heimdall.Benchmarks.Scripts;

/// <summary>The options of <c>scripts</c>.</summary>
internal sealed record ScriptsOptions : SuiteOptions
{
    public static readonly string Help = $"""
        usage: dotnet run -c Release --project Heimdall.Benchmarks -- scripts [options]

        Runs script files with psql and with Heimdall, in turns, each time in a fresh database after a CHECKPOINT, and compares
        what they took with the goals. A goal that is missed is reported and is no failure; a run that fails, or leaves other
        rows behind than psql, is one (exit code 1). Processors are kept awake by work that gives way to all other; for it to do
        so, root turns the kernel's sched_autogroup_enabled off for as long as it measures.

          --only NAME[,NAME]     some of: {string.Join(", ", ScriptRows.Names)}
          --rounds N             runs of each (5, and 1 with --quick)
          --quick                small scripts, run once: shows that it works, and measures nothing
          --idle                 all of it once more with processors that may fall asleep; a virtual machine wakes them slowly,
                                 so programs that wait for each answer (psql does) then take longer
          --big                  also the memory that a script of 2 GB takes
          --no-end-to-end        without jobs over HTTP and a worker
          --work DIR             where to make the scripts, and keep them for the next time (a temporary directory)

        """;

    public bool Idle { get; init; }

    public bool Big { get; init; }

    public bool EndToEnd { get; init; } = true;

    protected override string Suite => "scripts";

    protected override IReadOnlyList<string> Names => ScriptRows.Names;

    /// <exception cref="BenchmarkException">They cannot be understood.</exception>
    public static ScriptsOptions Parse(string[] args) => Parse(new ScriptsOptions(), args, (options, option) => option switch
    {
        "--idle" => options with { Idle = true },
        "--big" => options with { Big = true },
        "--end-to-end" => options with { EndToEnd = true },
        "--no-end-to-end" => options with { EndToEnd = false },
        _ => null,
    });
}

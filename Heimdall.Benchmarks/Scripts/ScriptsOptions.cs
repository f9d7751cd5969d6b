using System.Globalization;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Scripts;

/// <summary>The options of <c>scripts</c>.</summary>
internal sealed record ScriptsOptions
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

    public int? Rounds { get; init; }

    /// <summary>Empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    public bool Quick { get; init; }

    public bool Idle { get; init; }

    public bool Big { get; init; }

    public bool EndToEnd { get; init; } = true;

    public string? Work { get; init; }

    public bool WantsHelp { get; init; }

    public int RoundCount => Rounds ?? (Quick ? 1 : 5);

    /// <exception cref="BenchmarkException">They cannot be understood.</exception>
    public static ScriptsOptions Parse(string[] args)
    {
        var options = new ScriptsOptions();
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var option))
        {
            options = option switch
            {
                "--help" or "-h" => options with { WantsHelp = true },
                "--only" => options with { Only = [.. options.Only, .. ReadNames(ValueOf(option, rest))] },
                "--rounds" => options with { Rounds = ReadCount(ValueOf(option, rest)) },
                "--quick" => options with { Quick = true },
                "--idle" => options with { Idle = true },
                "--big" => options with { Big = true },
                "--end-to-end" => options with { EndToEnd = true },
                "--no-end-to-end" => options with { EndToEnd = false },
                "--work" => options with { Work = ValueOf(option, rest) },
                _ => throw new BenchmarkException($"'{option}' is no option of scripts; scripts --help lists them."),
            };
        }
        return options;
    }

    public bool Wants(string name) => Only.Count == 0 || Only.Contains(name);

    private static string ValueOf(string option, Queue<string> rest) =>
        rest.TryDequeue(out var value) ? value : throw new BenchmarkException($"{option} needs a value.");

    private static IEnumerable<string> ReadNames(string text)
    {
        foreach (var name in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            yield return ScriptRows.Names.Contains(name)
                ? name
                : throw new BenchmarkException($"'{name}' is not measured here; --only takes {string.Join(", ", ScriptRows.Names)}.");
        }
    }

    private static int ReadCount(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
            ? count
            : throw new BenchmarkException($"--rounds takes a number from 1, not '{text}'.");
}

using System.Globalization;
using Heimdall.Benchmarks.Reports;

namespace Heimdall.Benchmarks.Suites;

/// <summary>What was typed behind a suite's name.</summary>
internal sealed record SuiteOptions
{
    private const int DefaultRounds = 5;

    /// <summary>For the help of every suite.</summary>
    public const string Help = """
          --only NAME[,NAME]     some of the rows below
          --rounds N             runs of each (5, and 1 with --quick)
          --quick                small inputs and short loads: shows that it works, and measures nothing
          --idle                 processors may fall asleep; a virtual machine wakes them slowly
          --work DIR             where to make files, and keep them for the next time (a temporary directory)
          --jobs N               how many jobs there are, where a suite says so
          --before DIR           also measures the Heimdall.Api and Heimdall.Worker of this directory, of an older version

        """;

    /// <summary>Empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    public int? Rounds { get; init; }

    public int? Jobs { get; init; }

    public bool Quick { get; init; }

    public bool Idle { get; init; }

    public string? Work { get; init; }

    public string? Before { get; init; }

    public bool WantsHelp { get; init; }

    public int RoundCount => Rounds ?? (Quick ? 1 : DefaultRounds);

    /// <param name="args">What was typed.</param>
    /// <param name="suite">How the suite is called.</param>
    /// <param name="names">What --only takes.</param>
    /// <exception cref="BenchmarkException">They cannot be understood.</exception>
    public static SuiteOptions Parse(IEnumerable<string> args, string suite, IReadOnlyList<string> names)
    {
        var options = new SuiteOptions();
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var option))
        {
            string Value() => rest.TryDequeue(out var value) ? value : throw new BenchmarkException($"{option} needs a value.");
            options = option switch
            {
                "--help" or "-h" => options with { WantsHelp = true },
                "--only" => options with { Only = [.. options.Only, .. ReadNames(Value(), names)] },
                "--rounds" => options with { Rounds = ReadCount(option, Value()) },
                "--jobs" => options with { Jobs = ReadCount(option, Value()) },
                "--quick" => options with { Quick = true },
                "--idle" => options with { Idle = true },
                "--work" => options with { Work = Value() },
                "--before" => options with { Before = ReadPrograms(Value()) },
                _ => throw new BenchmarkException($"'{option}' is no option of {suite}; {suite} --help lists them."),
            };
        }
        return options;
    }

    private static int ReadCount(string option, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
            ? count
            : throw new BenchmarkException($"{option} takes a number from 1, not '{text}'.");

    private static string ReadPrograms(string directory) =>
        File.Exists(Path.Combine(directory, "Heimdall.Api.dll")) && File.Exists(Path.Combine(directory, "Heimdall.Worker.dll"))
            ? Path.GetFullPath(directory)
            : throw new BenchmarkException($"--before takes a directory with Heimdall.Api.dll and Heimdall.Worker.dll in it, and '{directory}' is none.");

    private static IEnumerable<string> ReadNames(string text, IReadOnlyList<string> names) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(name => names.Contains(name)
                ? name
                : throw new BenchmarkException($"'{name}' is not measured here; --only takes {string.Join(", ", names)}."));
}

using System.Globalization;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Suites;

/// <summary>The options that every suite has.</summary>
internal abstract record SuiteOptions
{
    private const int DefaultRounds = 5;

    public int? Rounds { get; init; }

    /// <summary>Empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    public bool Quick { get; init; }

    public string? Work { get; init; }

    public bool WantsHelp { get; init; }

    public int RoundCount => Rounds ?? (Quick ? 1 : DefaultRounds);

    /// <summary>How the suite is called.</summary>
    protected abstract string Suite { get; }

    /// <summary>What --only takes.</summary>
    protected abstract IReadOnlyList<string> Names { get; }

    public bool Wants(string name) => Only.Count == 0 || Only.Contains(name);

    /// <param name="defaults">What holds without options.</param>
    /// <param name="args">What was typed.</param>
    /// <param name="readOwn">Reads an option that only this suite has; null for one that it does not know.</param>
    /// <exception cref="BenchmarkException">They cannot be understood.</exception>
    protected static T Parse<T>(T defaults, string[] args, Func<T, string, T?> readOwn)
        where T : SuiteOptions
    {
        var options = defaults;
        var rest = new Queue<string>(args);
        while (rest.TryDequeue(out var option))
        {
            options = option switch
            {
                "--help" or "-h" => options with { WantsHelp = true },
                "--only" => options with { Only = [.. options.Only, .. options.ReadNames(ValueOf(option, rest))] },
                "--rounds" => options with { Rounds = ReadCount(ValueOf(option, rest)) },
                "--quick" => options with { Quick = true },
                "--work" => options with { Work = ValueOf(option, rest) },
                _ => readOwn(options, option)
                    ?? throw new BenchmarkException($"'{option}' is no option of {options.Suite}; {options.Suite} --help lists them."),
            };
        }
        return options;
    }

    private static string ValueOf(string option, Queue<string> rest) =>
        rest.TryDequeue(out var value) ? value : throw new BenchmarkException($"{option} needs a value.");

    private static int ReadCount(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
            ? count
            : throw new BenchmarkException($"--rounds takes a number from 1, not '{text}'.");

    private IEnumerable<string> ReadNames(string text)
    {
        foreach (var name in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            yield return Names.Contains(name)
                ? name
                : throw new BenchmarkException($"'{name}' is not measured here; --only takes {string.Join(", ", Names)}.");
        }
    }
}

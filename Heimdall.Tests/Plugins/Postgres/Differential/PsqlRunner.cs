using System.Globalization;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>The psql program. Its errors come as <c>psql:FILE:LINE: ERROR:  22012</c>, its own as <c>psql:FILE:LINE: error: TEXT</c>.</summary>
internal sealed partial class PsqlRunner : IScriptRunner
{
    private readonly TestDatabase _database;
    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-psql").FullName;

    private PsqlRunner(TestDatabase database) => _database = database;

    public string Name => "psql";

    public string ConnectionString => _database.ConnectionString;

    public static async Task<PsqlRunner> StartAsync() => new(await TestDatabase.CreateAsync());

    public async Task<ScriptOutcome> RunAsync(
        DifferentialScript script, byte[] content, CancellationToken cancellationToken)
    {
        var file = Path.Combine(_folder, "script.sql");
        await File.WriteAllBytesAsync(file, content, cancellationToken);
        foreach (var (path, text) in script.Files)
        {
            var beside = Path.Combine(_folder, path);
            Directory.CreateDirectory(Path.GetDirectoryName(beside)!);
            await File.WriteAllTextAsync(beside, text, cancellationToken);
        }

        var values = script.Variables.SelectMany(variable => new[] { "-v", $"{variable.Key}={variable.Value}" });
        var (exitCode, _, said) = await PostgresProgram.RunAsync(
            "psql",
            ConnectionString,
            ["-X", "-q", "-v", "VERBOSITY=sqlstate", .. values, .. script.Mode.PsqlArguments(), "-f", file],
            cancellationToken,
            _folder);

        // The end of the session is told twice, first by the server.
        var errors = ErrorLine().Matches(said).Where(match => match.Groups["own"].Value != "connection to server was lost").Select(ToError).ToArray();
        var expected = said.Contains("connection to server was lost", StringComparison.Ordinal) ? 2 : script.Stops && errors.Length > 0 ? 3 : 0;
        return exitCode == expected
            ? new ScriptOutcome(errors, said)
            : throw new InvalidOperationException($"psql ended with exit code {exitCode} and not {expected}:\n{said}");
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static ScriptError ToError(Match match)
    {
        long? line = match.Groups["line"] is { Success: true } number ? long.Parse(number.ValueSpan, CultureInfo.InvariantCulture) : null;
        return match.Groups["state"] is { Success: true } state
            ? new ScriptError(state.Value, line)
            : new ScriptError(MeantDifferences.OwnErrorOf(match.Groups["own"].Value), line);
    }

    [GeneratedRegex(@"^(?:psql:[^:\n]+:(?<line>[0-9]+): |psql: )?(?:(?:ERROR|FATAL|PANIC):  (?<state>[0-9A-Z]{5})\r?$|error: (?<own>.*)$)", RegexOptions.Multiline)]
    private static partial Regex ErrorLine();
}

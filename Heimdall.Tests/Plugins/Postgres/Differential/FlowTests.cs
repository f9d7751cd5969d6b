using System.Globalization;
using System.Text.RegularExpressions;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>
/// Which statements of a script run is what psql runs, or the script is refused. Few scripts by default;
/// <c>HEIMDALL_SCRIPTS=N</c> runs as many as it says, and <c>HEIMDALL_SEED</c> begins with the one that a complaint
/// names.
/// </summary>
public sealed partial class FlowTests() : RealProcessTests(processes: 1)
{
    private const int FirstWithBind = 16;

    private static readonly int _seed = TestSetting.Number("HEIMDALL_SEED") ?? Random.Shared.Next(1_000_000_000);

    private static readonly int _scripts =
        TestSetting.Number("HEIMDALL_SCRIPTS") ?? (TestSetting.IsLong ? 5_000 : 60);

    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-flow").FullName;
    private PluginTestServer _psql = null!;
    private PluginTestServer _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _psql = await PluginTestServer.StartAsync();
        _heimdall = await PluginTestServer.StartAsync();
        foreach (var server in new[] { _psql, _heimdall })
        {
            await server.ExecuteAsync("create table ran (i serial, what text)");
        }
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _psql.DisposeAsync();
        await _heimdall.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [CancelAfter(4 * 3_600_000)]
    [TestCaseSource(typeof(ScriptModes), nameof(ScriptModes.Compared))]
    public async Task The_statements_that_run_are_those_that_psql_runs(object mode, CancellationToken cancellationToken)
    {
        await TestContext.Out.WriteLineAsync($"HEIMDALL_SEED={_seed} HEIMDALL_SCRIPTS={_scripts}");
        var (_, version, _) = await PostgresProgram.RunAsync(
            "psql", _psql.ConnectionString, ["--version"], cancellationToken);
        var knowsBind = int.Parse(Digits().Match(version).Value, CultureInfo.InvariantCulture) >= FirstWithBind;
        var complaints = new List<string>();
        var (failed, statements) = (0, 0);
        var refusals = new List<string>();

        foreach (var seed in Enumerable.Range(_seed, _scripts))
        {
            var (text, files) = FlowGenerator.Make(seed, (ScriptMode)mode, knowsBind);
            foreach (var (name, content) in files.Append(KeyValuePair.Create("script.sql", text)))
            {
                await File.WriteAllTextAsync(Path.Combine(_folder, name), content, cancellationToken);
                _heimdall.WriteFile(name, content);
            }

            var (psqlFailed, said) = await RunPsqlAsync((ScriptMode)mode, cancellationToken);
            var (failure, log) = await RunHeimdallAsync((ScriptMode)mode, cancellationToken);
            var left = await RanAsync(_psql, cancellationToken);
            var right = await RanAsync(_heimdall, cancellationToken);
            refusals.AddRange(failure is { Kind: JobFailureKind.Refused } ? [$"{seed}: {failure.Message}"] : []);
            failed += psqlFailed ? 1 : 0;
            statements += left.Count;
            if (Complaint((ScriptMode)mode, psqlFailed, left, failure, right) is { } what)
            {
                complaints.Add(
                    $"HEIMDALL_SEED={seed} HEIMDALL_SCRIPTS=1: {what}\npsql:     {string.Join(' ', left)}\n{said}\n"
                    + $"Heimdall: {string.Join(' ', right)}\n{failure?.Kind}: {failure?.Message}\n{log}\n{text}\n"
                    + string.Join('\n', files.Select(file => $"--- {file.Key}\n{file.Value}")));
            }

            if (complaints.Count > 5)
            {
                break;
            }
        }

        await TestContext.Out.WriteLineAsync(
            $"{statements} statements ran with psql; {failed} scripts failed there, and {refusals.Count} are refused:\n"
            + string.Join('\n', refusals));
        Assert.That(complaints, Is.Empty, () => string.Join("\n\n", complaints));

        // Scripts that are all refused, or run nothing, would test little; a few may happen to.
        if (_scripts >= 60)
        {
            Assert.That(refusals, Has.Count.LessThan(_scripts / 2));
            Assert.That(statements, Is.GreaterThan(_scripts));
        }
    }

    private static string? Complaint(
        ScriptMode mode, bool psqlFailed, List<string> psql, JobFailure? failure, List<string> heimdall) =>
        failure switch
        {
            { Kind: JobFailureKind.Refused } when mode == ScriptMode.Single || failure.IsUndone =>
                heimdall.Count == 0 ? null : "is refused, and has run in part",
            { Kind: JobFailureKind.Refused } => heimdall.SequenceEqual(psql.Take(heimdall.Count))
                ? null
                : "ends at a statement that is refused, and has run others before",
            _ when !heimdall.SequenceEqual(psql) => "does not run the same statements",
            null when psqlFailed => "fails with psql alone",
            not null when !psqlFailed => "fails with Heimdall alone",
            _ => null,
        };

    private async Task<(bool HasFailed, string Said)> RunPsqlAsync(ScriptMode mode, CancellationToken cancellationToken)
    {
        var (_, _, said) = await PostgresProgram.RunAsync(
            "psql",
            _psql.ConnectionString,
            ["-X", "-q", .. mode.PsqlArguments(), "-f", "script.sql"],
            cancellationToken,
            _folder);
        return (Errors().IsMatch(said), said);
    }

    private async Task<(JobFailure? Failure, string Log)> RunHeimdallAsync(
        ScriptMode mode, CancellationToken cancellationToken)
    {
        var monitor = new FakeJobMonitor();
        try
        {
            await _heimdall.Plugin.RunAsync(
                _heimdall.Job(mode.Context("script.sql").ToJsonString()), monitor, cancellationToken);
            return (null, Log());
        }
        catch (JobFailedException e)
        {
            return (e.Failure, Log());
        }

        string Log() => string.Join('\n', monitor.Out.Concat(monitor.Err));
    }

    /// <summary>What has run, which is forgotten then.</summary>
    private static async Task<List<string>> RanAsync(PluginTestServer server, CancellationToken cancellationToken)
    {
        var ran = await server.ScalarAsync<string[]>(
            "select coalesce(array_agg(what order by i), '{}') from ran", cancellationToken);
        await server.ExecuteAsync("truncate ran restart identity");
        return [.. ran!];
    }

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();

    // A condition that is no boolean is an error in psql's words, and nothing fails by it.
    [GeneratedRegex(@"^(?!.*Boolean expected).*(ERROR|FATAL|error): ", RegexOptions.Multiline)]
    private static partial Regex Errors();
}

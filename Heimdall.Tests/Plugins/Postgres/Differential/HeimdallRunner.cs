using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>The batch executor of the PostgreSQL plugin.</summary>
internal sealed class HeimdallRunner : IScriptRunner
{
    private const string FileName = "script.sql";

    private readonly PluginTestServer _server;

    private HeimdallRunner(PluginTestServer server) => _server = server;

    public string Name => "Heimdall";

    public string ConnectionString => _server.ConnectionString;

    public static async Task<HeimdallRunner> StartAsync() => new(await PluginTestServer.StartAsync());

    public async Task<ScriptOutcome> RunAsync(
        DifferentialScript script, byte[] content, CancellationToken cancellationToken)
    {
        await File.WriteAllBytesAsync(Path.Combine(_server.Directory, FileName), content, cancellationToken);
        foreach (var (path, text) in script.Files)
        {
            _server.WriteFile(path, text);
        }

        var context = script.Mode.Context(FileName);
        if (script.Variables.Count > 0)
        {
            context["variables"] = new JsonObject(
                script.Variables.Select(variable => KeyValuePair.Create(variable.Key, (JsonNode?)variable.Value)));
        }

        var monitor = new FakeJobMonitor();
        try
        {
            await _server.Plugin.RunAsync(_server.Job(context.ToJsonString()), monitor, cancellationToken);
            return new ScriptOutcome([], Report(monitor));
        }
        catch (JobFailedException e)
        {
            return new ScriptOutcome(ErrorsOf(e.Failure), $"{e.Failure.Kind}: {e.Failure.Message}\n{Report(monitor)}");
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static ScriptError[] ErrorsOf(JobFailure failure) => failure.Errors.Count == 0
        ? [new ScriptError(StateOf(failure.Kind), Line: null)]
        : failure is { Kind: JobFailureKind.Refused, IsUndone: true }
        ? [new ScriptError(MeantDifferences.Refused, failure.Errors[0].Line)] // of all the first, as psql
        : [.. InScriptOrder(failure.Errors).Select(error =>
            new ScriptError(error.SqlState ?? StateOf(failure.Kind), error.Line))];

    // A job's first error is the one that it ended with. psql reports it where it comes.
    private static IEnumerable<StatementError> InScriptOrder(IReadOnlyList<StatementError> errors)
    {
        var end = errors[0];
        var before = errors.Skip(1).TakeWhile(error => error.Statement < (end.Statement ?? long.MaxValue)).ToArray();
        return [.. before, end, .. errors.Skip(1 + before.Length)];
    }

    // In continue mode the kind is that of the first error, so what has no SQLSTATE can only have been refused.
    private static string StateOf(JobFailureKind kind) =>
        kind is JobFailureKind.Refused or JobFailureKind.Sql ? MeantDifferences.Refused : kind.ToString();

    private static string Report(FakeJobMonitor monitor) => string.Join('\n', monitor.Err);
}

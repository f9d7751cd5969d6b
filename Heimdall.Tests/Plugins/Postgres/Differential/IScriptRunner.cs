namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>Runs scripts in a database of its own: psql, which is right by definition, or Heimdall.</summary>
internal interface IScriptRunner : IAsyncDisposable
{
    string Name { get; }

    string ConnectionString { get; }

    Task<ScriptOutcome> RunAsync(byte[] script, ScriptMode mode, IReadOnlyDictionary<string, string> variables, CancellationToken cancellationToken);
}

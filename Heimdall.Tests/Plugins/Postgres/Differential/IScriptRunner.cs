namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>Runs scripts in a database of its own: psql, which is right by definition, or Heimdall.</summary>
internal interface IScriptRunner : IAsyncDisposable
{
    string Name { get; }

    string ConnectionString { get; }

    /// <param name="script">What to run.</param>
    /// <param name="content">Its text, which may be another one than the script's own.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task<ScriptOutcome> RunAsync(DifferentialScript script, byte[] content, CancellationToken cancellationToken);
}

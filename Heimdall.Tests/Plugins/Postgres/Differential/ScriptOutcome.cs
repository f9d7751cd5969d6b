namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>An error that a runner reported.</summary>
/// <param name="State">A SQLSTATE, or a word of <see cref="MeantDifferences"/> for what has none.</param>
/// <param name="Line">psql: where the statement ended. Heimdall: where the error is, or where the statement began. Null: not said.</param>
internal sealed record ScriptError(string State, long? Line)
{
    public override string ToString() => Line is null ? State : $"{State}@{Line}";
}

/// <summary>What a runner had to say about a script it ran.</summary>
/// <param name="Errors">In the order in which they came.</param>
/// <param name="Report">All it said, for whoever has to find out why.</param>
internal sealed record ScriptOutcome(IReadOnlyList<ScriptError> Errors, string Report)
{
    public override string ToString() => Errors.Count == 0 ? "no error" : string.Join(' ', Errors);
}

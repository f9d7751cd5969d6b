namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>What a statement may use, as far as its text names it.</summary>
/// <param name="Calls">Names that have a parenthesis behind them.</param>
/// <param name="Names">All names, without their quotes; those without quotes in lower case.</param>
/// <param name="Operators">Rows of the characters that operators are made of.</param>
internal sealed record UsedNames(
    IReadOnlyCollection<string> Calls, IReadOnlyCollection<string> Names, IReadOnlyCollection<string> Operators);

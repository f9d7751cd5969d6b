namespace Heimdall.Benchmarks.Queries;

/// <summary>A row that has been run.</summary>
/// <param name="Row">The row.</param>
/// <param name="Outcome">Null where it failed.</param>
/// <param name="Failure">Why; null where all is well.</param>
internal sealed record QueryResult(QueryRow Row, QueryOutcome? Outcome, string? Failure);

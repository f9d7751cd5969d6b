namespace Heimdall.Benchmarks.Scripts;

/// <summary>A measurement that is no comparison with psql.</summary>
/// <param name="Title">What was measured.</param>
/// <param name="Goal">In words.</param>
/// <param name="Value">What came out, or why nothing did.</param>
/// <param name="IsMet">Null where nothing came out.</param>
/// <param name="IsFailed">True where something should have.</param>
internal sealed record Figure(string Title, string Goal, string Value, bool? IsMet = null, bool IsFailed = false)
{
    public Figure Failed(string reason) => this with { Value = $"failed: {reason}", IsFailed = true };
}

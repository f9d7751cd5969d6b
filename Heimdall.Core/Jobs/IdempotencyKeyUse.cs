namespace Heimdall.Core.Jobs;

/// <summary>The call that has used an idempotency key.</summary>
/// <param name="HasSameBody">Whether its body was that of the call that asks.</param>
/// <param name="Jobs">What it made, in the order of its body, as they stand now.</param>
public sealed record IdempotencyKeyUse(bool HasSameBody, IReadOnlyList<Job> Jobs);

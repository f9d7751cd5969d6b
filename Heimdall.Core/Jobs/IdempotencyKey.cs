namespace Heimdall.Core.Jobs;

/// <summary>What a caller calls one submission, so that sending it again makes nothing new.</summary>
/// <param name="User">The caller. Others may use the same text for their own.</param>
/// <param name="Text">As the caller sent it.</param>
/// <param name="Fingerprint">SHA-256 of the body.</param>
public sealed record IdempotencyKey(string User, string Text, byte[] Fingerprint);

namespace Heimdall.Core.Plugins;

/// <summary>Where a batch goes on that an earlier job has begun.</summary>
/// <param name="Statement">The first statement to run, from 1; those before it are read and passed over.</param>
/// <param name="Sha256">What the earlier job ran. Of another script the statements are others.</param>
public sealed record ResumePoint(long Statement, string Sha256);

namespace Heimdall.Core.Plugins;

/// <summary>What a job runs, by its hashes.</summary>
/// <param name="Sha256">Of its SQL, or of its script, in lower-case hexadecimal.</param>
/// <param name="Files">The other files that it reads; null where there are none.</param>
public sealed record JobContent(string Sha256, IReadOnlyList<FileHash>? Files = null);

namespace Heimdall.Core.Plugins;

/// <summary>A file that a script reads beside itself.</summary>
/// <param name="Path">Below the directory of scripts.</param>
/// <param name="Sha256">Of its content, in lower-case hexadecimal.</param>
public sealed record FileHash(string Path, string Sha256);

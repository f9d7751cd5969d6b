using System.Security.Cryptography;
using System.Text;

namespace Heimdall.Core.Plugins;

/// <summary>Where a batch goes on that an earlier job has begun.</summary>
/// <param name="Statement">The first statement to run, from 1; those before it are read and passed over.</param>
/// <param name="Sha256">
/// What the earlier job ran, with its files: <see cref="HashOf"/>. Of another script the statements are others.
/// </param>
public sealed record ResumePoint(long Statement, string Sha256)
{
    /// <summary>One hash of a script and of all files that it reads beside itself.</summary>
    public static string HashOf(string sha256, IReadOnlyList<FileHash>? files) => files is not { Count: > 0 }
        ? sha256
        : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            string.Join('\n', files.Select(file => $"{file.Sha256} {file.Path}").Prepend(sha256)))));
}

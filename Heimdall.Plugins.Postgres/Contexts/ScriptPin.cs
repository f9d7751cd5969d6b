using System.Security.Cryptography;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>
/// What a script must be, by its SHA-256. Who puts another one in its place changes nothing that runs: the job fails.
/// </summary>
/// <param name="Sha256">Of all of its bytes, in lower-case hexadecimal.</param>
internal sealed record ScriptPin(string Sha256)
{
    private const string Field = "sha256";

    /// <returns>Null when the job names none, or not one that can be used: the reader has that.</returns>
    public static ScriptPin? Read(ContextReader reader, string? query)
    {
        if (reader.Text(Field) is not { } text)
        {
            return null;
        }

        if (text.Length != 2 * SHA256.HashSizeInBytes || !text.All(char.IsAsciiHexDigit))
        {
            reader.Report(Field, "must be a SHA-256: 64 hexadecimal digits, as sha256sum prints them.");
            return null;
        }

        if (query is not null && !ScriptFolder.IsPath(query))
        {
            reader.Report(Field, "goes only with the path of a script; SQL that is in the job cannot change.");
            return null;
        }

        return new ScriptPin(text.ToLowerInvariant());
    }

    /// <param name="sha256">Of the script that is there, in lower-case hexadecimal.</param>
    /// <exception cref="JobRefusedException">It is another one.</exception>
    public void Require(string sha256)
    {
        if (sha256 != Sha256)
        {
            throw new JobRefusedException(
                Field, $"is not that of the script, which is {sha256}: it has been changed since. Nothing of it was run.");
        }
    }

    /// <summary>Its hash says nothing of other files.</summary>
    /// <exception cref="JobRefusedException">The script reads one.</exception>
    public static void RefuseFile(string path) => throw new JobRefusedException(
        Field, $"is of one file, and the script reads another: {path}. Put both into one, or leave sha256 out.");
}

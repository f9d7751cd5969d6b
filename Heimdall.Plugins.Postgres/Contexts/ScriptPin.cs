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

    /// <summary>A script that must be this one is held in memory while it runs.</summary>
    private const long MostBytes = 64 * 1024 * 1024;

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

    /// <summary>Reads a script into memory: what is written to its file while it runs changes nothing.</summary>
    /// <param name="file">Is closed.</param>
    /// <exception cref="JobRefusedException">It is another script, or too long to be kept.</exception>
    public MemoryStream Read(FileStream file)
    {
        using (file)
        {
            if (file.Length > MostBytes)
            {
                throw new JobRefusedException(
                    Field, $"goes only with a script of at most {MostBytes} bytes; this one has {file.Length}.");
            }

            var content = new byte[file.Length];
            try
            {
                file.ReadExactly(content);
            }
            catch (IOException)
            {
                throw new JobRefusedException("query", "The script could not be read to its end.");
            }

            var sha256 = Convert.ToHexStringLower(SHA256.HashData(content));
            return sha256 == Sha256
                ? new MemoryStream(content, writable: false)
                : throw new JobRefusedException(
                    Field, $"is not that of the script, which is {sha256}: it is another one. Nothing of it was run.");
        }
    }

    /// <summary>Its hash says nothing of other files.</summary>
    /// <exception cref="JobRefusedException">The script reads one.</exception>
    public static void RefuseFile(string path) => throw new JobRefusedException(
        Field, $"is of one file, and the script reads another: {path}. Put both into one, or leave sha256 out.");
}

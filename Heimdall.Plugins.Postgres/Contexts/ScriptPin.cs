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
    /// <summary>A script that must be this one is held in memory while it runs, with the files that it reads.</summary>
    public const long MostBytes = 64 * 1024 * 1024;

    private const string Field = "sha256";

    /// <summary>Of a script that somebody has approved: what else it reads. Null: it was pinned by its job.</summary>
    private Dictionary<string, string>? Approved { get; init; }

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

    public static ScriptPin Of(JobContent approved) => new(approved.Sha256)
    {
        Approved = (approved.Files ?? []).ToDictionary(file => file.Path, file => file.Sha256, StringComparer.Ordinal),
    };

    /// <summary>Reads a script into memory: what is written to its file while it runs changes nothing.</summary>
    /// <param name="file">Is closed.</param>
    /// <exception cref="JobRefusedException">It is another script, or too long to be kept.</exception>
    public MemoryStream Read(FileStream file) => Read(file, Sha256, found => Approved is null
        ? new JobRefusedException(
            Field, $"is not that of the script, which is {found}: it is another one. Nothing of it was run.")
        : new JobRefusedException(
            "query",
            $"The script was changed after it was submitted for approval: its SHA-256 is {found}, and {Sha256} was "
            + "approved. Nothing of it was run."));

    /// <summary>The same of another file that the script reads.</summary>
    /// <exception cref="JobRefusedException">It may not read this file.</exception>
    public MemoryStream ReadOther(string path, Func<FileStream> open)
    {
        if (Approved is null)
        {
            // Its hash says nothing of other files.
            throw new JobRefusedException(
                Field,
                $"is of one file, and the script reads another: {path}. Put both into one, or leave sha256 out.");
        }

        return Approved.TryGetValue(path, out var sha256)
            ? Read(open(), sha256, found => new JobRefusedException(
                "query",
                $"The file {path} was changed after the job was submitted for approval: its SHA-256 is {found}, and "
                + $"{sha256} was approved."))
            : throw new JobRefusedException(
                "query", $"The script reads {path}, which was not among the files that were approved.");
    }

    private static MemoryStream Read(FileStream file, string sha256, Func<string, JobRefusedException> refuse)
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

            var found = Convert.ToHexStringLower(SHA256.HashData(content));
            return found == sha256 ? new MemoryStream(content, writable: false) : throw refuse(found);
        }
    }
}

using System.Security.Cryptography;

namespace Heimdall.Core.Scripts;

/// <summary>What the path of a script leads to.</summary>
public enum ScriptPlaceKind
{
    /// <summary>A regular file. On systems other than Linux it has something in it.</summary>
    Script,

    /// <summary>Nothing; a script may be put there.</summary>
    Free,

    /// <summary>
    /// What is no script: a directory, a pipe, a device; or something is there that is no directory, on the way to it.
    /// </summary>
    Taken,

    /// <summary>A place outside the directory, or links that go round in a circle.</summary>
    Outside,

    /// <summary>The path itself is not one that a job may name.</summary>
    Forbidden,
}

/// <summary>A script's path and what it leads to, as of one moment.</summary>
/// <param name="Kind">What is there.</param>
/// <param name="Name">The path as it was given.</param>
/// <param name="File">The file, every link followed. Not for those outside.</param>
/// <param name="Entry">The name by which the file is found: the file itself, or a link to it. Not for those outside.</param>
public sealed record ScriptPlace(ScriptPlaceKind Kind, string Name, string File, string Entry)
{
    private static readonly FileStreamOptions Reading = new()
    {
        Access = FileAccess.Read,
        Share = FileShare.ReadWrite | FileShare.Delete,
        BufferSize = 0,
        Options = FileOptions.Asynchronous | FileOptions.SequentialScan,
    };

    /// <summary>True for a script and for a place where one may be put.</summary>
    public bool TakesScript => Kind is ScriptPlaceKind.Script or ScriptPlaceKind.Free;

    /// <returns>The script, or null when it has gone since.</returns>
    /// <exception cref="ScriptStorageException">It may not be read.</exception>
    public FileStream? Open()
    {
        try
        {
            return new FileStream(File, Reading);
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException) && !System.IO.File.Exists(File))
        {
            return null; // also when there is a directory now, or a file where its directory was
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ScriptStorageException(e);
        }
    }

    /// <returns>What the script holds, as a job's <c>sha256</c> has it, or null when it has gone since.</returns>
    /// <exception cref="ScriptStorageException">It may not be read.</exception>
    public async Task<string?> HashAsync(CancellationToken cancellationToken)
    {
        await using var file = Open();
        return file is null ? null : await HashAsync(file, cancellationToken);
    }

    /// <exception cref="ScriptStorageException">It cannot be read to its end.</exception>
    public static async Task<string> HashAsync(FileStream script, CancellationToken cancellationToken)
    {
        try
        {
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(script, cancellationToken));
        }
        catch (IOException e)
        {
            throw new ScriptStorageException(e);
        }
    }
}

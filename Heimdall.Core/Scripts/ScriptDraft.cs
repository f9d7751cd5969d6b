using System.Security.Cryptography;

namespace Heimdall.Core.Scripts;

/// <summary>
/// A script that is being written: a file beside its place, so that it gets there in one step, under a name that no job can give and no
/// list shows. When it is not published it is gone.
/// </summary>
internal sealed class ScriptDraft : IAsyncDisposable
{
    private const string Prefix = ".heimdall-";
    private const string Suffix = ".draft";
    private const int ChunkSize = 64 * 1024;
    private const int Tries = 100;

    /// <summary>Older ones were left by a process that died. No upload takes this long without writing.</summary>
    private static readonly TimeSpan Forgotten = TimeSpan.FromDays(1);

    private readonly string _root;
    private readonly FileStream _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    private ScriptDraft(string root, FileStream file)
    {
        _root = root;
        _file = file;
    }

    public long Bytes { get; private set; }

    /// <summary>Of what has been written so far, in lower-case hexadecimal.</summary>
    public string Sha256 => Convert.ToHexStringLower(_hash.GetCurrentHash());

    /// <exception cref="ScriptStorageException">Nothing can be written there.</exception>
    public static ScriptDraft Create(string target, string root, DateTimeOffset now)
    {
        while (true)
        {
            // Missing directories are made when the script is complete: one that is not leaves nothing behind.
            var directory = Path.GetDirectoryName(target)!;
            while (directory.Length > root.Length && !Directory.Exists(directory))
            {
                directory = Path.GetDirectoryName(directory)!;
            }
            try
            {
                return new ScriptDraft(root, CreateFile(directory, now));
            }
            catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException && directory.Length > root.Length)
            {
                // A deletion has left it empty and removed it; by now another upload may have made it anew.
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ScriptStorageException(e);
            }
        }
    }

    public static bool IsDraft(ReadOnlySpan<char> name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Suffix, StringComparison.Ordinal);

    public static void RemoveIfForgotten(string draft, DateTimeOffset now)
    {
        if (now - File.GetLastWriteTimeUtc(draft) > Forgotten)
        {
            TryDelete(draft);
        }
    }

    /// <returns>False when there is more than allowed. What is wrong with the content itself is thrown as it comes.</returns>
    /// <exception cref="ScriptStorageException">It cannot be written.</exception>
    public async Task<bool> FillAsync(Stream content, long maxBytes, CancellationToken cancellationToken)
    {
        var chunk = new byte[ChunkSize];
        for (int read; (read = await content.ReadAtLeastAsync(chunk, chunk.Length, throwOnEndOfStream: false, cancellationToken)) > 0;)
        {
            Bytes += read;
            if (Bytes > maxBytes)
            {
                return false;
            }
            _hash.AppendData(chunk, 0, read);
            await AppendAsync(chunk.AsMemory(0, read), cancellationToken);
        }
        MakeDurable(); // before it gets its name: after a power cut the name stands for all of it
        return true;
    }

    /// <summary>Puts the draft into a script's place: whoever opens the script finds the old one or the new one.</summary>
    /// <returns>False when something is there that must not be replaced.</returns>
    /// <exception cref="ScriptStorageException">It cannot be put there.</exception>
    public bool Publish(string target, bool mayReplace)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Move(_file.Name, target, mayReplace);
                return true;
            }
            catch (IOException e) when (e is DirectoryNotFoundException or FileNotFoundException && tries < Tries && File.Exists(_file.Name))
            {
                // A deletion has removed the directory that had just been made: it was still empty.
            }
            catch (IOException) when (!mayReplace && File.Exists(target))
            {
                return false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ScriptStorageException(e);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _file.DisposeAsync();
        _hash.Dispose();
        if (!File.Exists(_file.Name))
        {
            return; // it was published
        }
        TryDelete(_file.Name);
        EmptyDirectories.Remove(Path.GetDirectoryName(_file.Name)!, _root); // a deletion meanwhile had to leave it
    }

    private static FileStream CreateFile(string directory, DateTimeOffset now)
    {
        foreach (var draft in Directory.EnumerateFiles(directory, $"{Prefix}*{Suffix}"))
        {
            RemoveIfForgotten(draft, now);
        }
        // Without a buffer: what cannot be written is told when it is written, not when the file is closed.
        return new FileStream(Path.Combine(directory, $"{Prefix}{Guid.NewGuid():N}{Suffix}"), new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.Delete,
            BufferSize = 0,
            Options = FileOptions.Asynchronous,
        });
    }

    private async Task AppendAsync(ReadOnlyMemory<byte> chunk, CancellationToken cancellationToken)
    {
        try
        {
            await _file.WriteAsync(chunk, cancellationToken);
        }
        catch (IOException e)
        {
            throw new ScriptStorageException(e);
        }
    }

    private void MakeDurable()
    {
        try
        {
            _file.Flush(flushToDisk: true);
        }
        catch (IOException e)
        {
            throw new ScriptStorageException(e);
        }
    }

    private static void TryDelete(string draft)
    {
        try
        {
            File.Delete(draft);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It can be neither run nor seen; a later list or upload tries again.
        }
    }
}

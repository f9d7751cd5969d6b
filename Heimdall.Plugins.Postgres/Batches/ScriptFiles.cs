using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// The files that a script reads beside itself. Each is opened once, before the script runs, so that what runs is what
/// was checked and hashed, whatever is put in its place meanwhile.
/// </summary>
internal sealed class ScriptFiles(ScriptFolder directory) : IAsyncDisposable
{
    /// <summary>Each is kept open.</summary>
    public const int Most = 200;

    // How much is read in all: what a script reads again and again is bounded by what there is of it.
    private const long AlwaysRead = 256 * 1024 * 1024;
    private const int MostTimes = 4;

    private readonly Dictionary<string, ScriptStream> _files = new(StringComparer.Ordinal);
    private long _length;
    private long _read;

    /// <summary>Their paths and what they hold, in the order of the paths; null when there are none.</summary>
    public IReadOnlyList<FileHash>? Hashes { get; private set; }

    /// <summary>Whether one of them was written to since it was opened.</summary>
    public bool HaveChanged => _files.Values.Any(file => file.HasChanged);

    /// <summary>Opens a file, or goes back to the beginning of one that is open.</summary>
    /// <exception cref="JobRefusedException">It may not be read, or there are too many.</exception>
    public async ValueTask<ScriptStream> OpenAsync(string path, CancellationToken cancellationToken)
    {
        if (_files.TryGetValue(path, out var open))
        {
            Count(path, open.Length);
            await open.HashAheadAsync(cancellationToken);
            return open;
        }

        if (_files.Count == Most)
        {
            throw new JobRefusedException("query", $"The script reads more than {Most} files: put some into one.");
        }

        var file = ScriptStream.OpenFile(path, directory);
        _files.Add(path, file);
        _length += file.Length;
        Count(path, file.Length);
        return file;
    }

    /// <summary>One that is open, from its beginning; null when there is none.</summary>
    public ScriptStream? Find(string path)
    {
        var file = _files.GetValueOrDefault(path);
        file?.Rewind();
        return file;
    }

    /// <summary>Reads all of them to their ends.</summary>
    /// <exception cref="JobFailedException">One cannot be read.</exception>
    public async Task HashAsync(CancellationToken cancellationToken)
    {
        foreach (var file in _files.Values)
        {
            await file.HashAheadAsync(cancellationToken);
        }

        Hashes = _files.Count == 0
            ? null
            : [.. _files.OrderBy(file => file.Key, StringComparer.Ordinal)
                .Select(file => new FileHash(file.Key, file.Value.Sha256))];
    }

    /// <summary>Reads the rest of those that have been read in part, so that they can be compared as a whole.</summary>
    public async Task TryReadToEndsAsync()
    {
        foreach (var file in _files.Values.Where(file => file.IsBegun))
        {
            await file.TryReadToEndAsync();
        }
    }

    private void Count(string path, long bytes)
    {
        _read += bytes;
        if (_read > Math.Max(AlwaysRead, MostTimes * _length))
        {
            throw new JobRefusedException(
                "query",
                $"With {path} the files are read again and again, {_read} bytes in all, which is more than "
                + $"{MostTimes} times what they hold: name each fewer times.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var file in _files.Values)
        {
            await file.DisposeAsync();
        }
    }
}

using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres.Contexts;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// The files that a script reads beside itself. Each is opened once, before the script runs, so that what runs is what
/// was checked and hashed, whatever is put in its place meanwhile.
/// </summary>
/// <param name="directory">Where they are.</param>
/// <param name="pin">What the script must be, and what else it may read; null where all may be read.</param>
internal sealed class ScriptFiles(ScriptFolder directory, ScriptPin? pin) : IAsyncDisposable
{
    /// <summary>Each is kept open.</summary>
    public const int Most = 200;

    /// <summary>
    /// How much is checked again of files that are included more than once: a short script could include a long one a
    /// thousand times.
    /// </summary>
    private const long MostReadAgain = 1024 * 1024 * 1024;

    private readonly Dictionary<string, ScriptStream> _files = new(StringComparer.Ordinal);
    private long _held;
    private long _readAgain;

    /// <summary>Why what is longer cannot be approved: it is held in memory while it runs.</summary>
    public static string TooLong =>
        $"What is to be approved must have at most {ScriptPin.MostBytes} bytes, with all files that it reads.";

    /// <summary>How many bytes they may have together, where that is not the limit of all that is pinned.</summary>
    public long? MostBytes { get; init; }

    /// <summary>Whether one was not opened because of that.</summary>
    public bool AreTooLong { get; private set; }

    /// <summary>Their paths and what they hold, in the order of the paths; null when there are none.</summary>
    public IReadOnlyList<FileHash>? Hashes { get; private set; }

    /// <summary>Whether one of them was written to since it was opened.</summary>
    public bool HaveChanged => _files.Values.Any(file => file.HasChanged);

    /// <summary>Opens a file, or goes back to the beginning of one that is open.</summary>
    /// <param name="path">Below the directory of scripts.</param>
    /// <param name="isScript">Whether it is checked from its beginning, as what is included; data are not.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="JobRefusedException">It may not be read, or there are too many.</exception>
    public async ValueTask<ScriptStream> OpenAsync(string path, bool isScript, CancellationToken cancellationToken)
    {
        if (_files.TryGetValue(path, out var open))
        {
            _readAgain += isScript ? open.Length : 0;
            if (_readAgain > MostReadAgain)
            {
                throw new JobRefusedException(
                    "query",
                    $"The script includes files of {_readAgain} bytes more than once; the limit is {MostReadAgain}.");
            }

            await open.HashAheadAsync(cancellationToken);
            return open;
        }

        if (_files.Count == Most)
        {
            throw new JobRefusedException("query", $"The script reads more than {Most} files: put some into one.");
        }

        var file = ScriptStream.OpenFile(path, directory, pin);
        if (file.Length > (MostBytes ?? (pin is null ? long.MaxValue : ScriptPin.MostBytes)) - _held)
        {
            AreTooLong = true;
            await file.DisposeAsync(); // and is not hashed either
            throw new JobRefusedException("query", TooLong);
        }

        _files.Add(path, file);
        _held += file.Length;
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
    public async Task TryReadToEndsAsync(CancellationToken cancellationToken)
    {
        foreach (var file in _files.Values.Where(file => file.IsBegun))
        {
            await file.TryReadToEndAsync(cancellationToken);
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

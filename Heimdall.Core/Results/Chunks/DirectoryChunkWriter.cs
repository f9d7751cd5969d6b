using Heimdall.Core.Plugins;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Results.Chunks;

/// <summary>Writes the file of one attempt. When it was not finished, the file is gone.</summary>
internal sealed partial class DirectoryChunkWriter(string path, ILogger logger) : IChunkWriter
{
    // errno, which is what .NET has as the result of an error that it knows no exception for.
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    private const UnixFileMode OwnerAndGroup = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    private readonly byte[] _header = new byte[DirectoryChunks.HeaderSize];
    private FileStream? _file;
    private bool _isFinished;

    public Task AddAsync(long firstRow, int rows, ReadOnlyMemory<byte> data, CancellationToken cancellationToken) => WriteAsync(async file =>
    {
        DirectoryChunks.WriteHeader(_header, firstRow, rows, data.Length);
        await file.WriteAsync(_header, cancellationToken);
        await file.WriteAsync(data, cancellationToken);
    });

    public Task FinishAsync(CancellationToken cancellationToken) => WriteAsync(file =>
    {
        file.Flush(flushToDisk: true);
        DirectorySync.Flush(Path.GetDirectoryName(path)!); // after a power cut the name must be there too
        _isFinished = true;
        return Task.CompletedTask;
    });

    public async ValueTask DisposeAsync()
    {
        if (_file is null)
        {
            return;
        }
        await _file.DisposeAsync();
        if (!_isFinished)
        {
            TryDelete();
        }
    }

    private async Task WriteAsync(Func<FileStream, Task> writeAsync)
    {
        try
        {
            await writeAsync(_file ??= Create());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogStorage(exception.Message);
            throw new JobFailedException(
                JobFailureKind.Internal,
                exception is IOException { HResult: NoSpace or QuotaExceeded }
                    ? "There is no room for the result: the disk of the directory of results (results.directory) is full."
                    : "The result cannot be stored: the directory of results (results.directory) does not work.",
                exception);
        }
    }

    private FileStream Create()
    {
        var directory = Path.GetDirectoryName(path)!;
        var options = new FileStreamOptions
        {
            Mode = FileMode.Create, // an earlier try of the same attempt may have left one
            Access = FileAccess.Write,
            Share = FileShare.Read | FileShare.Delete,
            BufferSize = 0, // what cannot be written is told when it is written, not when the file is closed
            Options = FileOptions.Asynchronous,
        };
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory);
        }
        else
        {
            // Rows are for those who may ask Heimdall for them: its own user, and its group where API and worker are two.
            Directory.CreateDirectory(directory, OwnerAndGroup | UnixFileMode.UserExecute | UnixFileMode.GroupExecute);
            options.UnixCreateMode = OwnerAndGroup;
        }
        return new FileStream(path, options);
    }

    private void TryDelete()
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogStorage(exception.Message); // nobody reads it, and the keeper tries again
        }
    }

    [LoggerMessage(LogLevel.Error, "The directory of results (results.directory) does not work: {Reason}")]
    private partial void LogStorage(string reason);
}

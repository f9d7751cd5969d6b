using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Heimdall.Core.Results.Chunks;

/// <summary>
/// Results as files in a directory that all hosts share: one an attempt, named by job and attempt. A file is chunks, each with a header that says
/// what it holds and how long it is, so that a reader steps over those before his row.
/// </summary>
internal sealed class DirectoryChunks(string directory, ILogger logger) : IResultChunks
{
    private const string Suffix = ".rows";
    private const int Mark = 0x31435248; // "HRC1"

    /// <summary>The mark, then as little-endian numbers: rows and length of data (4 bytes each), the number of the first row (8 bytes).</summary>
    internal const int HeaderSize = 20;

    public IChunkWriter Write(ResultKey result) => new DirectoryChunkWriter(PathOf(result), logger);

    public bool Holds(ResultKey result) => File.Exists(PathOf(result));

    public void Delete(ResultKey result)
    {
        try
        {
            File.Delete(PathOf(result));
        }
        catch (DirectoryNotFoundException)
        {
            // Gone with all that was in it.
        }
    }

    /// <summary>The results that have a file here, read from the directory as the caller goes on. Of other files nothing is said.</summary>
    public IEnumerable<ResultKey> List() => Directory.Exists(directory)
        ? Directory.EnumerateFiles(directory, $"*{Suffix}").Select(file => Parse(Path.GetFileNameWithoutExtension(file))).OfType<ResultKey>()
        : [];

    public async IAsyncEnumerable<StoredChunk> ReadAsync(
        ResultKey result, long fromRow, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var file = Open(PathOf(result));
        var header = new byte[HeaderSize];
        for (var (position, end) = (0L, RandomAccess.GetLength(file)); position < end;)
        {
            await FillAsync(file, header, position, cancellationToken);
            var (firstRow, rows, length) = ReadHeader(header, PathOf(result));
            position += HeaderSize;
            if (firstRow + rows > fromRow)
            {
                yield return await ReadChunkAsync(file, position, new StoredChunk(firstRow, rows, length), cancellationToken);
            }
            position += length;
        }
    }

    internal static void WriteHeader(Span<byte> header, long firstRow, int rows, int length)
    {
        BinaryPrimitives.WriteInt32LittleEndian(header, Mark);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], rows);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], length);
        BinaryPrimitives.WriteInt64LittleEndian(header[12..], firstRow);
    }

    private static (long FirstRow, int Rows, int Length) ReadHeader(ReadOnlySpan<byte> header, string path)
    {
        var rows = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        var length = BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
        var firstRow = BinaryPrimitives.ReadInt64LittleEndian(header[12..]);
        return BinaryPrimitives.ReadInt32LittleEndian(header) == Mark && rows > 0 && length > 0 && firstRow >= 0
            ? (firstRow, rows, length)
            : throw new ResultStorageException($"{path} is damaged.", isLost: true);
    }

    private static SafeFileHandle Open(string path)
    {
        try
        {
            return File.OpenHandle(path, options: FileOptions.Asynchronous);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(exception);
        }
    }

    private static async Task<StoredChunk> ReadChunkAsync(
        SafeFileHandle file, long position, StoredChunk chunk, CancellationToken cancellationToken)
    {
        try
        {
            await FillAsync(file, chunk.Data, position, cancellationToken);
            return chunk;
        }
        catch
        {
            chunk.Dispose();
            throw;
        }
    }

    private static async Task FillAsync(SafeFileHandle file, Memory<byte> target, long position, CancellationToken cancellationToken)
    {
        try
        {
            while (target.Length > 0)
            {
                var read = await RandomAccess.ReadAsync(file, target, position, cancellationToken);
                if (read == 0)
                {
                    throw new ResultStorageException("The file of a result ends too early.", isLost: true);
                }
                target = target[read..];
                position += read;
            }
        }
        catch (IOException exception)
        {
            throw Unreadable(exception);
        }
    }

    private static ResultStorageException Unreadable(Exception exception) =>
        new(exception.Message, isLost: exception is FileNotFoundException or DirectoryNotFoundException, exception);

    private string PathOf(ResultKey result) =>
        Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{result.JobId:N}-{result.Attempt}{Suffix}"));

    private static ResultKey? Parse(string name) =>
        name.Split('-') is [var id, var attempt]
            && Guid.TryParseExact(id, "N", out var jobId)
            && int.TryParse(attempt, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new ResultKey(jobId, number)
            : null;
}

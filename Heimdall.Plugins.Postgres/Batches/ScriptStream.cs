using System.Security.Cryptography;
using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres.Contexts;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>The bytes of a script on their way to the scanner: hashed as they pass, never all in memory when they come from a file.</summary>
internal sealed class ScriptStream : Stream
{
    private readonly Stream _source;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    private readonly DateTime? _modified;
    private long _read;
    private bool _hasEnded;
    private bool _isHashed = true;
    private bool _differs;
    private string? _ahead;

    private ScriptStream(Stream source)
    {
        _source = source;
        Length = source.Length;
        _modified = ModifiedAt();
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    /// <summary>As it was when the script was opened.</summary>
    public override long Length { get; }

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>
    /// Whether the file was written to while it was read, or had another content when it was read to its end once more.
    /// (One that was replaced by another of its name is read to its own end.)
    /// </summary>
    public bool HasChanged =>
        _differs || _read > Length || (_hasEnded && _read < Length) || ModifiedAt() != _modified;

    /// <summary>Whether some of it has been read.</summary>
    public bool IsBegun => _read > 0;

    /// <summary>Whether all of it has been read.</summary>
    public bool IsAtEnd => _read == Length;

    /// <summary>Of what has been read so far, in lower-case hexadecimal; of all of it once that is known.</summary>
    public string Sha256 => _ahead ?? Hash();

    /// <summary>Of all of it, as soon as it is known: <see cref="HashAheadAsync"/>.</summary>
    public string? Sha256Ahead => _ahead;

    /// <summary>Of all of it, in the end; null of a script that could not be read, or was changed on the way.</summary>
    public string? WholeSha256 =>
        _ahead is null ? IsAtEnd ? Sha256 : null : ModifiedAt() == _modified && !_differs ? _ahead : null;

    /// <exception cref="JobRefusedException">
    /// The query is the path of a script that may not be read, or is not the one that it must be.
    /// </exception>
    public static ScriptStream Open(string query, ScriptFolder directory, ScriptPin? pin) => new(
        !ScriptFolder.IsPath(query) ? new MemoryStream(Encoding.UTF8.GetBytes(query))
        : pin is not null ? pin.Read(directory.Open(query))
        : directory.Open(query));

    /// <summary>Opens another file that a script names, whatever its name ends in.</summary>
    /// <exception cref="JobRefusedException">It may not be read.</exception>
    public static ScriptStream OpenFile(string path, ScriptFolder directory, ScriptPin? pin) => new(pin is null
        ? directory.OpenFile(path)
        : pin.ReadOther(path, () => directory.OpenFile(path)));

    /// <summary>Whether there is a backslash in it. Then it goes back to its beginning, where it was.</summary>
    /// <exception cref="JobFailedException">It cannot be read.</exception>
    public async Task<bool> HasBackslashAsync(CancellationToken cancellationToken)
    {
        var (buffer, isThere, length) = (new byte[256 * 1024], false, 1);
        _isHashed = false;
        try
        {
            while (!isThere && length > 0)
            {
                length = await ReadAsync(buffer, cancellationToken);
                isThere = buffer.AsSpan(0, length).Contains((byte)'\\');
            }
        }
        finally
        {
            Rewind();
            _isHashed = true;
        }

        return isThere;
    }

    /// <summary>Goes back to the beginning of what has been read to its end.</summary>
    public void Rewind()
    {
        _source.Position = 0;
        (_read, _hasEnded) = (0, false);
        _ = _hash.GetHashAndReset();
    }

    /// <summary>
    /// Reads what has not been read of it, and goes back to its beginning: what a script is must be known before it
    /// runs, should its runner die on the way.
    /// </summary>
    /// <returns>Its hash, in lower-case hexadecimal.</returns>
    public async Task<string> HashAheadAsync(CancellationToken cancellationToken)
    {
        if (_ahead is null)
        {
            var buffer = new byte[64 * 1024];
            while (await ReadAsync(buffer, cancellationToken) > 0)
            {
            }
        }

        _ahead = Sha256;
        Rewind();
        return _ahead;
    }

    /// <summary>
    /// Reads what nobody has read, so that the hash is that of the whole. One that cannot be read has none.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token has fired.</exception>
    public async Task TryReadToEndAsync(CancellationToken cancellationToken = default)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (_read < Length && await ReadAsync(buffer, cancellationToken) > 0)
            {
            }
        }
        catch (JobFailedException)
        {
            // How the job ended is known already.
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        try
        {
            return Passed(_source.Read(buffer), buffer);
        }
        catch (IOException e)
        {
            throw Unreadable(e);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return Passed(await _source.ReadAsync(buffer, cancellationToken), buffer.Span);
        }
        catch (IOException e)
        {
            throw Unreadable(e);
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _source.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Passed(int read, ReadOnlySpan<byte> buffer)
    {
        _read += read;
        _hasEnded |= read == 0 && !buffer.IsEmpty;
        if (_isHashed)
        {
            _hash.AppendData(buffer[..read]);
        }

        _differs |= _isHashed && _ahead is not null && read > 0 && IsAtEnd && Hash() != _ahead;
        return read;
    }

    private string Hash() => Convert.ToHexStringLower(_hash.GetCurrentHash());

    private DateTime? ModifiedAt() => _source is FileStream file ? File.GetLastWriteTimeUtc(file.SafeFileHandle) : null;

    private static JobFailedException Unreadable(IOException cause) => new(JobFailureKind.Refused, "The script could not be read to its end.", cause);
}

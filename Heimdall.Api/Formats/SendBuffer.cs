using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats;

/// <summary>Takes what a library writes, in memory, until it is sent. It cannot go back.</summary>
internal sealed class SendBuffer : Stream
{
    private byte[] _bytes = [];
    private int _length;
    private long _sent;

    /// <summary>What was written since the last call. It holds until the next write.</summary>
    public ReadOnlyMemory<byte> Take()
    {
        var taken = _bytes.AsMemory(0, _length);
        _sent += _length;
        _length = 0;
        return taken;
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _sent + _length;

    public override long Position
    {
        get => Length;
        set => throw new NotSupportedException();
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_bytes.Length - _length < buffer.Length)
        {
            Grow(buffer.Length);
        }
        buffer.CopyTo(_bytes.AsSpan(_length));
        _length += buffer.Length;
    }

    protected override void Dispose(bool disposing)
    {
        RowBuffers.Return(_bytes);
        _bytes = [];
        base.Dispose(disposing);
    }

    private void Grow(int needed)
    {
        if ((long)_length + needed > Array.MaxLength)
        {
            throw new JobFailedException(
                JobFailureKind.Refused, "A row of the result is longer than 2 GB as it is written here; select less of it.");
        }
        var larger = RowBuffers.Take(_length + needed, _bytes.Length);
        _bytes.AsSpan(0, _length).CopyTo(larger);
        RowBuffers.Return(_bytes);
        _bytes = larger;
    }
}

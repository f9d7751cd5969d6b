namespace Heimdall.Api.Formats;

/// <summary>Lets a range of bytes through, and drops what comes before and behind.</summary>
internal sealed class RangeOutput(IResultOutput inner, long from, long to) : IResultOutput
{
    private long _position;

    /// <summary>True once all of the range is sent.</summary>
    public bool IsDone => _position > to;

    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (IsDone)
        {
            throw new OperationCanceledException("All of the range is sent.");
        }
        var first = (int)Math.Clamp(from - _position, 0, bytes.Length);
        var last = (int)Math.Clamp(to + 1 - _position, 0, bytes.Length);
        _position += bytes.Length;
        return first < last ? inner.SendAsync(bytes[first..last], cancellationToken) : ValueTask.CompletedTask;
    }

    public void Abort() => inner.Abort();
}

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Gives at most so many bytes a read, as a pipe or a socket may.</summary>
internal sealed class PiecewiseStream(byte[] content, int pieceSize) : MemoryStream(content)
{
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        base.ReadAsync(buffer[..Math.Min(buffer.Length, pieceSize)], cancellationToken);
}

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>Gives at most so many bytes a read, as a pipe or a socket may. Whoever goes on reading behind the end is stopped.</summary>
internal sealed class PiecewiseStream(byte[] content, int pieceSize) : MemoryStream(content)
{
    private const int MostReadsOfNothing = 1_000;

    private int _readsOfNothing;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await base.ReadAsync(buffer[..Math.Min(buffer.Length, pieceSize)], cancellationToken);
        return count > 0 || ++_readsOfNothing < MostReadsOfNothing ? count : throw new InvalidOperationException("The end was read too often.");
    }
}

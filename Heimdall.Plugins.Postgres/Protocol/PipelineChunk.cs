namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// Messages that leave together. They are kept until all of them are answered, because an error names a position in a
/// statement's text.
/// </summary>
/// <param name="onAnswered">Called when the last of them is answered.</param>
internal sealed class PipelineChunk(Action<PipelineChunk> onAnswered)
{
    private const int Size = 128 * 1024;

    // What may stand around a statement: the messages of a block of its own, a comment, a Flush, a Sync.
    private const int Margin = 256;

    private int _holders = 1;

    public ClientMessages Messages { get; } = new(Size);

    /// <summary>Statements in it.</summary>
    public int Statements { get; set; }

    /// <summary>When it was sent, as of <see cref="System.Diagnostics.Stopwatch"/>.</summary>
    public long SentAt { get; set; }

    /// <summary>Whether a statement of that many bytes has room in an empty chunk.</summary>
    public static bool Fits(int length) => length + Margin <= Size;

    /// <summary>Whether a statement of that many bytes, with all that may go around it, still has room.</summary>
    public bool HasRoomFor(int length) => Messages.Length + length + Margin <= Size;

    public void Hold() => Interlocked.Increment(ref _holders);

    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            Messages.Clear();
            (Statements, SentAt, _holders) = (0, 0, 1);
            onAnswered(this);
        }
    }
}

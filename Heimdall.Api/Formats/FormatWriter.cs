using Heimdall.Core.Plugins;

namespace Heimdall.Api.Formats;

/// <summary>
/// Writes rows in one format. Nothing is sent before there is enough of it or the result has ended, so that the failure
/// of a small query can still have a status of its own.
/// </summary>
internal abstract class FormatWriter(IResultOutput output, ResultOpening opening) : IResultWriter, IDisposable
{
    protected ResultOpening Opening => opening;

    /// <summary>True once the columns are written.</summary>
    public bool HasStarted { get; protected set; }

    /// <summary>
    /// True once the reader may have seen something: from then on a failure can only be told at the result's end.
    /// </summary>
    public bool HasSent { get; private set; }

    /// <summary>How many whole rows are written.</summary>
    public long RowCount { get; protected set; }

    public abstract ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken);

    public abstract void StartRow();

    public abstract void WriteNull();

    public abstract void WriteValue(ReadOnlySpan<byte> utf8);

    public abstract void EndRow();

    public abstract ValueTask FlushAsync(CancellationToken cancellationToken);

    /// <summary>Ends the result; an empty one begins and ends here.</summary>
    public abstract ValueTask EndAsync(ResultEnding ending, CancellationToken cancellationToken);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    protected ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (!HasSent)
        {
            Opening.OnFirstSend();
            HasSent = true;
        }
        return output.SendAsync(bytes, cancellationToken);
    }

    /// <summary>Breaks the reply off, so that no client can take it for a complete one.</summary>
    protected void Abort() => output.Abort();
}

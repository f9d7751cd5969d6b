namespace Heimdall.Api.Formats;

/// <summary>Where a written result goes.</summary>
internal interface IResultOutput
{
    /// <summary>Takes bytes and, in the time it takes, holds the writer back to the pace of whoever reads.</summary>
    /// <exception cref="OperationCanceledException">Nobody reads (any more).</exception>
    ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Breaks the reply off, so that no client can take it for a complete one.</summary>
    void Abort();
}

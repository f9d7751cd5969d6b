using Heimdall.Core.Plugins;

namespace Heimdall.Core.Results;

/// <summary>Takes rows that nobody wants: results are switched off.</summary>
internal sealed class NullResultWriter : IResultWriter
{
    public ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public void StartRow()
    {
    }

    public void WriteNull()
    {
    }

    public void WriteValue(ReadOnlySpan<byte> utf8)
    {
    }

    public void EndRow()
    {
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;
}

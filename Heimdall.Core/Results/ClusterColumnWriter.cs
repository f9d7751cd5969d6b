using System.Text;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Results;

/// <summary>Writes the id of a cluster before the values of each row.</summary>
internal sealed class ClusterColumnWriter(IResultWriter rows, string clusterId) : IResultWriter
{
    private readonly byte[] _clusterId = Encoding.UTF8.GetBytes(clusterId);

    public ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken) =>
        rows.StartAsync(columns, cancellationToken);

    public void StartRow()
    {
        rows.StartRow();
        rows.WriteValue(_clusterId);
    }

    public void WriteNull() => rows.WriteNull();

    public void WriteValue(ReadOnlySpan<byte> utf8) => rows.WriteValue(utf8);

    public void EndRow() => rows.EndRow();

    public ValueTask FlushAsync(CancellationToken cancellationToken) => rows.FlushAsync(cancellationToken);
}

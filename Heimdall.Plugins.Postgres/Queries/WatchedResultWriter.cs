using Heimdall.Core.Plugins;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>Tells a writer's exceptions from the cluster's: both may be Npgsql's, since Heimdall stores results in PostgreSQL.</summary>
internal sealed class WatchedResultWriter(IResultWriter writer) : IResultWriter
{
    /// <summary>True inside a call, and so for good once a call has thrown.</summary>
    public bool IsInside { get; private set; }

    public async ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken)
    {
        IsInside = true;
        await writer.StartAsync(columns, cancellationToken);
        IsInside = false;
    }

    public void StartRow()
    {
        IsInside = true;
        writer.StartRow();
        IsInside = false;
    }

    public void WriteNull()
    {
        IsInside = true;
        writer.WriteNull();
        IsInside = false;
    }

    public void WriteValue(ReadOnlySpan<byte> utf8)
    {
        IsInside = true;
        writer.WriteValue(utf8);
        IsInside = false;
    }

    public void EndRow()
    {
        IsInside = true;
        writer.EndRow();
        IsInside = false;
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        IsInside = true;
        await writer.FlushAsync(cancellationToken);
        IsInside = false;
    }
}

using System.Text;
using Heimdall.Core.Plugins;

namespace Heimdall.Tests.Plugins;

/// <summary>Collects a result; can be told to fail after some rows.</summary>
internal sealed class FakeResultWriter : IResultWriter
{
    private List<string?> _row = [];

    public IReadOnlyList<ResultColumn>? Columns { get; private set; }

    public List<List<string?>> Rows { get; } = [];

    public Action<int> OnRow { get; init; } = _ => { };

    /// <summary>Rows after which it takes no more; null for any number.</summary>
    public int? Room { get; init; }

    public bool IsFull => Rows.Count >= Room;

    public bool MayBecomeFull => Room is not null;

    public Action<CancellationToken> OnFlush { get; init; } = _ => { };

    public ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken)
    {
        Columns = columns;
        return ValueTask.CompletedTask;
    }

    public void StartRow() => _row = [];

    public void WriteNull() => _row.Add(null);

    public void WriteValue(ReadOnlySpan<byte> utf8) => _row.Add(Encoding.UTF8.GetString(utf8));

    public void EndRow() => Rows.Add(_row);

    /// <summary>True once the query has asked that the rows be durable.</summary>
    public bool HasEnded { get; private set; }

    public ValueTask EndAsync(CancellationToken cancellationToken)
    {
        HasEnded = true;
        return ValueTask.CompletedTask;
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        OnRow(Rows.Count);
        OnFlush(cancellationToken);
        return ValueTask.CompletedTask;
    }
}

using System.Diagnostics;
using Heimdall.Plugins.Postgres.Protocol;
using Heimdall.Plugins.Postgres.Scripts;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Runs a statement of a script whose rows the script uses, and keeps them: of several results, the last.
/// </summary>
/// <param name="session">Waits for a command.</param>
/// <param name="observer">Hears its result.</param>
/// <param name="statement">Whose rows are wanted.</param>
/// <param name="text">Of it.</param>
/// <param name="mostBytes">Bytes of rows that are kept.</param>
internal sealed class RowCapture(
    ProtocolSession session,
    IPipelineObserver observer,
    ScriptStatement statement,
    ReadOnlyMemory<byte> text,
    long mostBytes) : IAnswerHandler
{
    // What a value that is not kept costs all the same.
    private const int Overhead = 32;

    private readonly List<byte[]?[]> _rows = [];
    private readonly long _start = Stopwatch.GetTimestamp();
    private CommandOutcome _outcome;
    private long _bytes;
    private bool _hasColumns;
    private bool _isInCopy;

    /// <summary>Of the last result; null when it has none.</summary>
    public IReadOnlyList<string>? Columns { get; private set; }

    public IReadOnlyList<byte[]?[]> Rows => _rows;

    public bool HasFailed { get; private set; }

    /// <summary>Whether a command in it has committed.</summary>
    public bool HasCommitted { get; private set; }

    /// <summary>Whether there were more rows than are kept.</summary>
    public bool IsTooLong { get; private set; }

    public long? LongestRow => Math.Max(0, mostBytes - _bytes);

    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async Task RunAsync()
    {
        if (statement.Values is { } values)
        {
            session.Outgoing.Parse(text.Span, types: default, session.StatementComment);
            session.Outgoing.Bind([.. values]);
            session.Outgoing.Describe();
            session.Expect(new Expected(ExpectedKind.Description, statement));
            session.Outgoing.Execute();
            session.Expect(new Expected(ExpectedKind.Execution, statement));
            session.AddSync();
        }
        else
        {
            session.Outgoing.Query(text.Span, session.StatementComment);
            session.Expect(new Expected(ExpectedKind.Query, statement));
        }

        await session.SendAsync();
        await session.ReadUntilReadyAsync(this);
        if (!HasFailed)
        {
            observer.OnDone(statement, _outcome, Stopwatch.GetElapsedTime(_start));
        }

        observer.OnReady(session.Transaction != TransactionStatus.Idle);
    }

    public ValueTask OnColumnsAsync(DescribedColumn[] columns)
    {
        Columns = [.. columns.Select(column => column.Name)];
        _hasColumns = true;
        Forget();
        return ValueTask.CompletedTask;
    }

    public ValueTask OnRowAsync(object? owner, ReadOnlySpan<byte> row)
    {
        _bytes += row.Length;
        IsTooLong |= row.IsEmpty || _bytes > mostBytes;
        if (!IsTooLong)
        {
            var values = new MessageBody(row).ReadValues();
            _bytes += values.Length * Overhead;
            _rows.Add(values);
        }

        return ValueTask.CompletedTask;
    }

    public void OnComplete(in Expected answered, CommandOutcome outcome)
    {
        (_outcome, _isInCopy) = (outcome, false);
        HasCommitted |= outcome.Tag is "COMMIT" or "PREPARE TRANSACTION";

        // Of a command without rows nothing is left of those before it.
        if (!_hasColumns)
        {
            Columns = null;
            Forget();
        }

        _hasColumns = false;
    }

    public ValueTask OnCopyOutAsync(bool isBinary)
    {
        _isInCopy = true;
        return ValueTask.CompletedTask;
    }

    public void OnFailed(PostgresException error, in Expected? answered)
    {
        if (!HasFailed)
        {
            observer.OnFailed(error, statement, text.Span, _isInCopy);
        }

        HasFailed = true;
    }

    public void OnNotice(PostgresNotice notice, object? owner) => observer.OnNotice(notice, owner);

    private void Forget()
    {
        _rows.Clear();
        (_bytes, IsTooLong) = (0, false);
    }
}

using System.Text;
using Heimdall.Plugins.Postgres.Protocol;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>Notes what the server answers to the steps of one query, and hands its rows to the writer.</summary>
/// <param name="rows">Where the rows go.</param>
/// <param name="pauseDeadline">Stops the query's clock while its rows wait for their turn to be read.</param>
/// <param name="writeToken">Ends the wait for the reader of the rows.</param>
internal sealed class QueryAnswers(RowSink rows, Func<IDisposable>? pauseDeadline, CancellationToken writeToken)
    : IAnswerHandler, IDisposable
{
    // The statement's, and that of the question behind it.
    private const int TransactionsOfOne = 2;

    private static readonly object[] _owners = [.. Enum.GetValues<QueryStep>().Select(step => (object)step)];

    private readonly ThrottledReading _reading = new(ResultReadThrottle.OfProcess, pauseDeadline);
    private bool _isResetDone;
    private long? _numberBefore;
    private long? _numberBehind;

    /// <summary>How the statement's columns are announced, before its first row.</summary>
    public required Func<DescribedColumn[], ValueTask> OnColumns { get; init; }

    /// <summary>Called when a row is dropped because a limit was hit.</summary>
    public required Action OnCut { get; init; }

    /// <summary>Called when the rows cannot be handed over: nothing of the query is wanted any more.</summary>
    public required Action OnRefused { get; init; }

    /// <summary>Bytes that the values of a row may have.</summary>
    public required long MaxRowBytes { get; init; }

    public required Action<PostgresNotice> OnNotice { get; init; }

    /// <summary>
    /// Whether the rows came in the encoding that was asked for: the server says what it has become when it is ready.
    /// </summary>
    public required Func<bool> IsReadable { get; init; }

    /// <summary>Whether the server commits with the end of the run of messages that the statement is in.</summary>
    public bool CommitsAtSync { get; set; }

    /// <summary>Whether the session needs no reset when its transaction has ended well.</summary>
    public bool LeavesNothing { get; set; }

    /// <summary>Ends the wait for the reader of the rows.</summary>
    public CancellationToken WriteToken => writeToken;

    /// <summary>The types of the statement's parameters, as the server inferred them; null until it has said.</summary>
    public uint[]? ParameterTypes { get; private set; }

    /// <summary>When the transaction began, in microseconds since 1970; null until the server has said.</summary>
    public long? TransactionStarted { get; private set; }

    /// <summary>Whether the server has done anything that was asked of it.</summary>
    public bool HasAnswered { get; private set; }

    /// <summary>The first error.</summary>
    public PostgresException? Error { get; private set; }

    /// <summary>The step that it ended.</summary>
    public QueryStep FailedStep { get; private set; }

    /// <summary>How the statement ended; null when it did not, or not well.</summary>
    public CommandOutcome? Outcome { get; private set; }

    /// <summary>Whether the transaction that was begun has been committed.</summary>
    public bool HasCommitted { get; private set; }

    /// <summary>Whether nothing of the query is left in the session, and nothing was answered since.</summary>
    public bool IsReset { get; private set; }

    /// <summary>
    /// Why the statement is none that can be a query, although it could be sent: a COPY of the wrong kind, a row that
    /// is too long.
    /// </summary>
    public string? Refusal { get; private set; }

    /// <summary>Whether it is known that the statement was a single transaction.</summary>
    public bool WasOneTransaction => _numberBehind - _numberBefore == TransactionsOfOne;

    public long? LongestRow => rows.LongestRow;

    /// <summary>For whom a step is sent, as the protocol hands it back.</summary>
    public static object OwnerOf(QueryStep step) => _owners[(int)step];

    public async ValueTask<int> FillAsync(ServerMessages messages)
    {
        if (!rows.IsClosed)
        {
            await _reading.TakeAsync(writeToken);
        }

        return await _reading.WaitAsync(messages.FillAsync());
    }

    void IAnswerHandler.OnParameterTypes(uint[] types) => ParameterTypes = types;

    public ValueTask OnColumnsAsync(DescribedColumn[] columns) =>
        rows.IsClosed ? ValueTask.CompletedTask : OnColumns(columns);

    public ValueTask OnRowAsync(object? owner, ReadOnlySpan<byte> row)
    {
        if (ReferenceEquals(owner, OwnerOf(QueryStep.Statement)))
        {
            return Deliver(rows.IsCut, rows.AddRowAsync(row, writeToken));
        }

        switch (owner as QueryStep?)
        {
            case QueryStep.Clock:
                TransactionStarted = NumberOf(row);
                break;
            case QueryStep.NumberBefore:
                _numberBefore = NumberOf(row);
                break;
            case QueryStep.NumberBehind:
                _numberBehind = NumberOf(row);
                break;
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask OnCopyDataAsync(ReadOnlySpan<byte> data) =>
        Deliver(rows.IsCut, rows.AddLineAsync(data, writeToken));

    public ValueTask OnCopyOutAsync(bool isBinary)
    {
        if (isBinary)
        {
            Refuse("COPY in the binary format has no rows of text; leave the format out.");
            return ValueTask.CompletedTask;
        }

        return OnColumnsAsync([new("copy", ColumnTypes.Text, Modifier: -1)]);
    }

    public void OnComplete(in Expected answered, CommandOutcome outcome)
    {
        HasAnswered = true;
        switch (StepOf(answered))
        {
            case QueryStep.Statement:
                Outcome = outcome;
                break;
            case QueryStep.Commit:
                // The server answers ROLLBACK when there was nothing left to commit.
                HasCommitted = outcome.Tag == "COMMIT";
                break;
            case QueryStep.Reset:
                _isResetDone = true;
                break;
        }
    }

    public void OnFailed(PostgresException error, in Expected? answered)
    {
        var step = answered is { } failed ? StepOf(failed) : QueryStep.None;
        // A reset that failed is made once more when the session is given back; a number that is missing is not known.
        if (step is not (QueryStep.Reset or QueryStep.NumberBefore or QueryStep.NumberBehind))
        {
            Fail(error, step);
        }
    }

    /// <summary>Notes an error, if it is the first.</summary>
    public void Fail(PostgresException error, QueryStep step)
    {
        if (Error is null)
        {
            (Error, FailedStep) = (error, step);
        }
    }

    void IAnswerHandler.OnNotice(PostgresNotice notice, object? owner) => OnNotice(notice);

    public void OnReady(in Expected? answered, bool hasFailed)
    {
        if (answered is { Kind: ExpectedKind.Sync } && !hasFailed)
        {
            HasCommitted |= CommitsAtSync;
            Refusal ??= IsReadable() ? null : QueryOutcome.ChangedEncoding;
        }

        IsReset = (_isResetDone || LeavesNothing) && !hasFailed;
        _reading.Leave();
    }

    public void Dispose() => _reading.Dispose();

    private static long NumberOf(ReadOnlySpan<byte> row) =>
        TextValues.Int64(new MessageBody(row).ReadRow(Encoding.ASCII)[0]);

    private static QueryStep StepOf(in Expected answered) => answered.Owner as QueryStep? ?? QueryStep.None;

    private ValueTask Deliver(bool wasCut, ValueTask added)
    {
        if (rows.IsCut && !wasCut)
        {
            OnCut();
        }

        if (rows.IsGarbled && Refusal is null)
        {
            Refuse(QueryOutcome.ChangedEncoding);
        }

        if (rows.IsTooLong && Refusal is null)
        {
            Refuse(
                $"A row of the result is longer than {MaxRowBytes} bytes, which is the command's max_row_bytes; "
                + "select less of it.");
        }

        return added.IsCompletedSuccessfully ? ValueTask.CompletedTask : LeaveAndWaitAsync(added);
    }

    private void Refuse(string reason)
    {
        Refusal ??= reason;
        rows.IsClosed = true;
        OnRefused();
    }

    /// <summary>The reader of the result is slower than this.</summary>
    private async ValueTask LeaveAndWaitAsync(ValueTask added)
    {
        _reading.Leave();
        await added;
    }
}

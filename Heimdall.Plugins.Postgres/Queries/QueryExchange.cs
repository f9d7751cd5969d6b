using System.Buffers.Binary;
using System.Text;
using Heimdall.Plugins.Postgres.Wire;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// What is said and answered on a session for one query. Steps are sent as far ahead as is exact, and the answers are read in their order:
/// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
/// </summary>
internal sealed class QueryExchange(Stream stream, RowSink rows, Action<PostgresNotice> onNotice) : IDisposable
{
    private readonly IncomingMessages _incoming = new(stream, keepsRows: true, () => rows.LongestRow);
    private readonly Queue<QueryStep> _expected = [];
    private readonly ReadingTurn _turn = new(ReadingTurns.OfProcess);
    private ValueTask _flushing = ValueTask.CompletedTask;
    private bool _isReady;
    private bool _isWiped;

    /// <summary>What is to be sent next.</summary>
    public OutgoingMessages Outgoing { get; } = new();

    /// <summary>How the statement's columns are announced, before its first row.</summary>
    public required Func<(string Name, uint Type)[], ValueTask> OnColumns { get; init; }

    /// <summary>Called when a row was left out: because of a limit, or because the rows are none of text.</summary>
    public required Action OnCut { get; init; }

    /// <summary>Ends the wait for the reader of the rows.</summary>
    public CancellationToken WriteToken { get; init; }

    /// <summary>The types of the statement's parameters, as the server inferred them; null until it has told.</summary>
    public uint[]? ParameterTypes { get; private set; }

    /// <summary>The statement's columns; empty of one that has none.</summary>
    public (string Name, uint Type)[] Columns { get; private set; } = [];

    /// <summary>The first error, and the step that it ended.</summary>
    public (PostgresException Error, QueryStep Step)? Failure { get; private set; }

    /// <summary>How the statement ended; null when it did not, or not well.</summary>
    public CommandOutcome? Outcome { get; private set; }

    /// <summary>Whether the server may have been asked to commit.</summary>
    public bool HasAskedToCommit { get; private set; }

    /// <summary>Whether the transaction that was begun has been committed.</summary>
    public bool HasCommitted { get; private set; }

    /// <summary>Whether the session waits for a command: all that was sent is answered.</summary>
    public bool IsIdle => _expected.Count == 0;

    /// <summary>Whether a transaction is open, alive or not, as of the last time the session was ready.</summary>
    public bool IsInTransaction { get; private set; }

    /// <summary>Whether the session has been wiped, and nothing was sent since.</summary>
    public bool IsClean { get; private set; }

    /// <summary>Whether the rows came from a COPY, which counts them as if it had changed them.</summary>
    public bool HasCopiedOut { get; private set; }

    /// <summary>Why the statement is none that can be a query, although it could be sent: a COPY of the wrong kind.</summary>
    public string? Refusal { get; private set; }

    private QueryStep Current => _expected.TryPeek(out var step) ? step : QueryStep.None;

    /// <summary>Notes what is added to <see cref="Outgoing"/>.</summary>
    public void Expect(QueryStep step)
    {
        _expected.Enqueue(step);
        HasAskedToCommit |= step == QueryStep.Commit;
    }

    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async ValueTask SendAsync()
    {
        try
        {
            // Nothing ends it but the end of the connection: a message that is sent in part would leave the session useless.
            await Outgoing.SendAsync(stream, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw new SessionBrokenException(e);
        }
    }

    /// <summary>Reads the answers up to the next ReadyForQuery. Exceptions of the writer pass through; then it can be called again.</summary>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async ValueTask ReadUntilReadyAsync()
    {
        _isReady = false;
        while (!_isReady)
        {
            switch (TakeMessages())
            {
                case Next.Fill:
                    await FillAsync();
                    break;
                case Next.Start when !rows.IsClosed:
                    await OnColumns(Columns);
                    break;
                case Next.Flush:
                    _turn.Leave(); // whoever reads the result is slower than this
                    await _flushing;
                    break;
            }
        }

        _turn.Leave();
    }

    public void Dispose()
    {
        _turn.Dispose();
        Outgoing.Dispose();
        _incoming.Dispose();
    }

    private async ValueTask FillAsync()
    {
        if (!rows.IsClosed)
        {
            await _turn.TakeAsync(WriteToken);
        }

        try
        {
            await _turn.WaitAsync(_incoming.FillAsync(CancellationToken.None));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidDataException)
        {
            throw new SessionBrokenException(e);
        }
    }

    private Next TakeMessages()
    {
        while (_incoming.TryRead(out var type, out var body))
        {
            if (type is (byte)'D' or (byte)'d')
            {
                if (Current == QueryStep.Statement && !TryAddRow(type, body))
                {
                    return Next.Flush;
                }
            }
            else if (Take((char)type, body) is not Next.Message and var next)
            {
                return next;
            }
        }

        return Next.Fill;
    }

    /// <returns>False when the writer must be waited for.</returns>
    private bool TryAddRow(byte type, ReadOnlySpan<byte> body)
    {
        var wasCut = rows.IsCut;
        var added = type == 'D' ? rows.AddRowAsync(body, WriteToken) : rows.AddLineAsync(body, WriteToken);
        if (rows.IsCut && !wasCut)
        {
            OnCut();
        }

        if (added.IsCompletedSuccessfully)
        {
            return true;
        }

        _flushing = added;
        return false;
    }

    // https://www.postgresql.org/docs/current/protocol-message-formats.html
    private Next Take(char type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case 't' when Current == QueryStep.Description:
                ParameterTypes = ReadTypes(body);
                return Next.Message;
            case 'T' when Current == QueryStep.Description:
                Columns = RowDescription.Read(body);
                _expected.Dequeue();
                return Next.Start;
            case 'n' when Current == QueryStep.Description:
                _expected.Dequeue();
                return Next.Message;
            case 'H':
                return OnCopyOut(isBinary: body is [1, ..]);
            case 'G':
                // Such a statement is refused before it is sent. Should one have been overlooked, the server would wait for ever.
                throw new SessionBrokenException(new InvalidDataException("The server asks for COPY data."));
            case 'C' or 'I':
                OnCommandComplete(CommandOutcome.Read(body));
                return Next.Message;
            case 'E':
                OnErrorResponse(ServerReport.Read(body, Encoding.UTF8));
                return Next.Message;
            case 'N':
                onNotice(ServerReport.Read(body, Encoding.UTF8).ToNotice());
                return Next.Message;
            case 'Z':
                OnReady(body);
                return Next.Ready;
            default:
                return Next.Message;
        }
    }

    private Next OnCopyOut(bool isBinary)
    {
        if (isBinary)
        {
            Refusal ??= "COPY in the binary format has no rows of text; leave the format out.";
            rows.IsClosed = true;
            OnCut();
            return Next.Message;
        }

        HasCopiedOut = true;
        Columns = [("copy", ColumnTypes.Text)];
        return Next.Start;
    }

    private void OnCommandComplete(CommandOutcome outcome)
    {
        switch (Current)
        {
            case QueryStep.Statement:
                Outcome = outcome;
                break;
            case QueryStep.Commit:
                // The server answers ROLLBACK when there was nothing left to commit.
                HasCommitted = outcome.Tag == "COMMIT";
                break;
            case QueryStep.Wipe:
                _isWiped = true;
                return; // it is a Query: over when the session is ready
        }

        _expected.TryDequeue(out _);
    }

    private void OnErrorResponse(ServerReport report)
    {
        var error = report.ToException();
        if (report.IsFatal)
        {
            throw new SessionBrokenException(error);
        }

        if (Current == QueryStep.Wipe)
        {
            return; // whoever gives the session back does it again
        }

        Failure ??= (error, Current);
        while (Current is not (QueryStep.Sync or QueryStep.None))
        {
            _expected.Dequeue(); // the server skips it
        }
    }

    private void OnReady(ReadOnlySpan<byte> body)
    {
        _isReady = true;
        IsInTransaction = body is not [(byte)'I', ..];
        IsClean = _isWiped && !IsInTransaction;
        _expected.TryDequeue(out _);
    }

    private static uint[] ReadTypes(ReadOnlySpan<byte> body)
    {
        var types = new uint[BinaryPrimitives.ReadUInt16BigEndian(body)];
        for (var i = 0; i < types.Length; i++)
        {
            types[i] = BinaryPrimitives.ReadUInt32BigEndian(body[(2 + (4 * i))..]);
        }

        return types;
    }

    /// <summary>What must be done before the next message is looked at.</summary>
    private enum Next
    {
        Message,
        Fill,
        Start,
        Flush,
        Ready,
    }
}

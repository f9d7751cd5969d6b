using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// Speaks the protocol with one server process. It alone knows what the server last said of the session (transaction,
/// encoding, how strings are read) and what has been sent and not answered. One caller sends; one, who may be another,
/// reads the answers.
/// https://www.postgresql.org/docs/current/protocol-flow.html
/// </summary>
internal sealed class ProtocolSession(
    Stream stream, Socket socket, IReadOnlyDictionary<string, string> parameters) : IDisposable
{
    private const int InitialOutgoing = 4096;

    private readonly ServerMessages _messages = new(stream);
    private readonly Lock _lock = new();
    private readonly Queue<Expected> _expected = [];

    // The reader's copy of the first: only the reader takes one away.
    private Expected? _head;
    private int _readiesOut;
    private bool _skipsToSync;
    private bool _hasFailed;
    private volatile Exception? _fault;

    /// <summary>What is to be sent next, where sending and reading take turns.</summary>
    public ClientMessages Outgoing { get; } = new(InitialOutgoing);

    /// <summary>
    /// A comment that follows each statement of the job in what is sent. The server's positions count from the
    /// statement's beginning, so they stay as they are.
    /// </summary>
    public byte[] StatementComment { get; set; } = [];

    /// <summary>What it speaks through, perhaps by TLS.</summary>
    public Socket Socket => socket;

    /// <summary>As the server said when it was last ready.</summary>
    public TransactionStatus Transaction { get; private set; }

    /// <summary>False after <c>set standard_conforming_strings = off</c>: the server tells of each change.</summary>
    public bool StandardConformingStrings { get; private set; } = parameters.GetValueOrDefault(
        "standard_conforming_strings", "on") == "on";

    /// <summary>The server's name of the encoding that it takes what is sent for.</summary>
    public string ClientEncoding { get; private set; } = parameters.GetValueOrDefault(
        "client_encoding", ClientEncodings.Utf8);

    /// <summary>False where the database has no encoding: its texts are sent as they are.</summary>
    public bool ConvertsText { get; } = parameters.GetValueOrDefault("server_encoding") != "SQL_ASCII";

    /// <summary>Whether the server was a standby when it last said so; null where it, or a pooler, does not say.</summary>
    public bool? IsOnStandby { get; private set; } =
        parameters.TryGetValue("in_hot_standby", out var text) ? text == "on" : null;

    /// <summary>The server's version, in its own words.</summary>
    public string ServerVersion { get; } = parameters.GetValueOrDefault("server_version", "");

    /// <summary>How the server's words are to be read, and what is sent to be written.</summary>
    public Encoding TextEncoding => ClientEncodings.Of(ClientEncoding);

    /// <summary>Why the session is over; null while it lasts.</summary>
    public Exception? Fault => _fault;

    /// <summary>Whether the session waits for a command.</summary>
    public bool IsIdle => _fault is null && IsAnswered;

    /// <summary>Whether all that was sent is answered.</summary>
    public bool IsAnswered
    {
        get
        {
            lock (_lock)
            {
                return _expected.Count == 0;
            }
        }
    }

    /// <summary>
    /// Whether something is on its way that the server would execute whatever became of what was sent before it.
    /// </summary>
    public bool HasReadyOut
    {
        get
        {
            lock (_lock)
            {
                return _readiesOut > 0;
            }
        }
    }

    /// <summary>
    /// What the server is at; null when all is answered. After the session's end: what ended with it.
    /// </summary>
    public Expected? Current
    {
        get
        {
            lock (_lock)
            {
                return _expected.TryPeek(out var first) ? first : null;
            }
        }
    }

    /// <summary>
    /// How many statements are on their way whose answers have not come. After the session's end: had not come.
    /// </summary>
    public int Unanswered
    {
        get
        {
            lock (_lock)
            {
                return _expected.Count(answer =>
                    answer.Kind is ExpectedKind.Execution or ExpectedKind.ExecutionBeforeSync
                        or ExpectedKind.ExecutionInBlock or ExpectedKind.Query);
            }
        }
    }

    /// <summary>Notes what is being sent.</summary>
    public void Expect(in Expected answer)
    {
        lock (_lock)
        {
            _readiesOut += answer.EndsWithReady ? 1 : 0;
            answer.Chunk?.Hold();
            _expected.Enqueue(answer);
        }
    }

    /// <summary>Adds a Sync to what is to be sent next.</summary>
    public void AddSync()
    {
        Outgoing.Sync();
        Expect(new Expected(ExpectedKind.Sync));
    }

    /// <summary>
    /// Sends <see cref="Outgoing"/>, all of it: a message that is sent in part would leave the session useless.
    /// </summary>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async ValueTask SendAsync()
    {
        ThrowIfBroken();
        try
        {
            await WriteAsync(Outgoing.Bytes);
        }
        catch (Exception e) when (IsTransportFault(e))
        {
            await HearLastWordsAsync();
            throw Break(e);
        }

        Outgoing.Clear();
    }

    /// <summary>Writes bytes of messages that are expected already. Faults of the connection pass through.</summary>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) => stream.WriteAsync(bytes, CancellationToken.None);

    /// <summary>
    /// Reads the answers up to the next ReadyForQuery. Exceptions of the handler pass through; then it can be called
    /// again.
    /// </summary>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async ValueTask ReadUntilReadyAsync(IAnswerHandler handler)
    {
        while (true)
        {
            switch (Take(handler, stopsAtReady: true, out var pending))
            {
                case ReadStep.Ready:
                    return;
                case ReadStep.Await:
                    await pending;
                    break;
                default:
                    await FillAsync(handler);
                    break;
            }
        }
    }

    /// <summary>Reads all the answers that are still to come.</summary>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async ValueTask ReadAllAsync(IAnswerHandler handler)
    {
        while (!IsAnswered)
        {
            await ReadUntilReadyAsync(handler);
        }
    }

    /// <summary>Waits for more of the server's bytes.</summary>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async ValueTask<int> FillAsync(IAnswerHandler handler)
    {
        ThrowIfBroken();
        try
        {
            return await handler.FillAsync(_messages);
        }
        catch (Exception e) when (IsTransportFault(e))
        {
            throw Break(e);
        }
    }

    /// <summary>Hands over the messages that are there.</summary>
    /// <param name="handler">Takes them.</param>
    /// <param name="stopsAtReady">True to return when the server is ready.</param>
    /// <param name="pending">To be awaited before the next call, where the handler cannot go on yet.</param>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public ReadStep Take(IAnswerHandler handler, bool stopsAtReady, out ValueTask pending)
    {
        pending = ValueTask.CompletedTask;
        try
        {
            while (_messages.TryRead(handler.LongestRow, out var type, out var body))
            {
                pending = Take((char)type, body, handler);
                if (!pending.IsCompletedSuccessfully)
                {
                    return ReadStep.Await;
                }

                if (type == (byte)'Z' && stopsAtReady)
                {
                    return ReadStep.Ready;
                }
            }

            return ReadStep.Fill;
        }
        catch (InvalidDataException e)
        {
            throw Break(e);
        }
    }

    /// <summary>
    /// Asks something of a session that waits for a command; several questions are one run, and the last one's rows
    /// count.
    /// </summary>
    /// <param name="onNotice">Hears what the server says beside the answer.</param>
    /// <param name="questions">One or more.</param>
    /// <exception cref="PostgresException">The server refused it.</exception>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async Task<IReadOnlyList<string?[]>> AskAsync(
        Action<PostgresNotice>? onNotice, params IReadOnlyList<Question> questions)
    {
        var encoding = TextEncoding;
        foreach (var (sql, values) in questions)
        {
            Outgoing.Parse(encoding.GetBytes(sql));
            Outgoing.Bind([.. values.Select(value => value is null ? null : encoding.GetBytes(value))]);
            Outgoing.Execute();
            Expect(new Expected(ExpectedKind.Execution, sql));
        }

        AddSync();
        await SendAsync();
        var answer = new Answer(this, questions[^1].Sql, onNotice);
        await ReadUntilReadyAsync(answer);
        return answer.Error is { } error ? throw error : answer.Rows;
    }

    /// <summary>Whether the server has said something unasked, or ended the session, while nobody looked.</summary>
    public bool HasNews() => socket.Poll(0, SelectMode.SelectRead);

    /// <summary>Hears what the server has said unasked.</summary>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async Task CatchUpAsync()
    {
        AddSync();
        await SendAsync();
        await ReadUntilReadyAsync(new Answer(this, "", onNotice: null));
    }

    /// <summary>Ends all reading and writing at once; may be called at any time.</summary>
    public void Abort() => stream.Dispose();

    /// <summary>Needs no memory until it is used again.</summary>
    public void Rest() => _messages.Rest();

    public void Dispose() => _messages.Dispose();

    /// <summary>Notes that the session is over, unless that is known.</summary>
    /// <returns>What ended it.</returns>
    public SessionBrokenException Break(Exception cause)
    {
        lock (_lock)
        {
            _fault ??= (cause as SessionBrokenException)?.Cause ?? cause;
            return new SessionBrokenException(_fault);
        }
    }

    public void ThrowIfBroken()
    {
        if (_fault is { } cause)
        {
            throw new SessionBrokenException(cause);
        }
    }

    public static bool IsTransportFault(Exception exception) =>
        exception is IOException or ObjectDisposedException or InvalidDataException or SocketException;

    /// <summary>What the server said last, if it said anything, is worth more than that it no longer listens.</summary>
    private async Task HearLastWordsAsync()
    {
        try
        {
            await ReadAllAsync(new Answer(this, "", onNotice: null));
        }
        catch (SessionBrokenException)
        {
            // It is noted.
        }
    }

    // https://www.postgresql.org/docs/current/protocol-message-formats.html
    private ValueTask Take(char type, ReadOnlySpan<byte> body, IAnswerHandler handler)
    {
        switch (type)
        {
            case 'D':
                return handler.OnRowAsync(Head()?.Owner, body);
            case 'd':
                return handler.OnCopyDataAsync(body);
            case 'C':
                OnCommandComplete(CommandOutcome.Read(body), handler);
                break;
            case 'I':
                OnCommandComplete(new CommandOutcome("", 0), handler);
                break;
            case 'T' when Head() is { Kind: ExpectedKind.Description }:
                Pop();
                return handler.OnColumnsAsync(new MessageBody(body).ReadColumns(TextEncoding));
            case 'T' when handler.LongestRow is not null && Head() is { Kind: ExpectedKind.Query }:
                return handler.OnColumnsAsync(new MessageBody(body).ReadColumns(TextEncoding));
            case 'n' when Head() is { Kind: ExpectedKind.Description }:
                Pop();
                break;
            case 't':
                handler.OnParameterTypes(new MessageBody(body).ReadTypes());
                break;
            case 'H':
                return handler.OnCopyOutAsync(isBinary: new MessageBody(body).ReadByte() == 1);
            case 'G':
                handler.OnCopyIn(isBinary: new MessageBody(body).ReadByte() == 1);
                break;
            case 'E':
                OnErrorResponse(ServerReport.Read(body, TextEncoding), handler);
                break;
            case 'N':
                handler.OnNotice(ServerReport.Read(body, TextEncoding).ToNotice(), Head()?.Owner);
                break;
            case 'Z':
                OnReady(new MessageBody(body).ReadByte(), handler);
                break;
            case 'S':
                OnParameterStatus(body);
                break;
        }

        return ValueTask.CompletedTask;
    }

    private void OnCommandComplete(CommandOutcome outcome, IAnswerHandler handler)
    {
        if (Head() is not { } head)
        {
            return;
        }

        handler.OnComplete(head, outcome);

        // A Query is over only when the server is ready again: at its end a transaction may still fail.
        if (head.Kind is not ExpectedKind.Query)
        {
            Pop();
        }
    }

    private void OnErrorResponse(ServerReport report, IAnswerHandler handler)
    {
        var error = report.ToException();
        if (report.IsFatal)
        {
            throw Break(error);
        }

        _hasFailed = true;
        _skipsToSync |= Head() is not { Kind: ExpectedKind.Query };
        handler.OnFailed(error, Head());
    }

    private void OnReady(byte status, IAnswerHandler handler)
    {
        Transaction = (char)status switch
        {
            'I' => TransactionStatus.Idle,
            'E' => TransactionStatus.Failed,
            _ => TransactionStatus.Open,
        };

        // After an error the server skips everything up to the Sync.
        while (_skipsToSync && Head() is { Kind: not ExpectedKind.Sync })
        {
            Pop();
        }

        var head = Head();
        handler.OnReady(head, _hasFailed);
        if (head is not null)
        {
            Pop();
        }

        (_skipsToSync, _hasFailed) = (false, false);
    }

    private void OnParameterStatus(ReadOnlySpan<byte> bytes)
    {
        var body = new MessageBody(bytes);
        var (name, value) = (Encoding.ASCII.GetString(body.ReadText()), Encoding.ASCII.GetString(body.ReadText()));
        switch (name)
        {
            case "standard_conforming_strings":
                StandardConformingStrings = value == "on";
                break;
            case "client_encoding":
                ClientEncoding = value;
                break;
            case "in_hot_standby":
                IsOnStandby = value == "on";
                break;
        }
    }

    private Expected? Head() => _head ??= Current;

    private void Pop()
    {
        Expected answered;
        lock (_lock)
        {
            answered = _expected.Dequeue();
            _readiesOut -= answered.EndsWithReady ? 1 : 0;
        }

        _head = null;
        answered.Chunk?.Release();
    }

    /// <summary>The rows of a question.</summary>
    private sealed class Answer(ProtocolSession session, string last, Action<PostgresNotice>? onNotice) : IAnswerHandler
    {
        private readonly List<string?[]> _rows = [];

        public IReadOnlyList<string?[]> Rows => _rows;

        public PostgresException? Error { get; private set; }

        public long? LongestRow => int.MaxValue;

        public ValueTask OnRowAsync(object? owner, ReadOnlySpan<byte> row)
        {
            if (owner as string == last)
            {
                _rows.Add(new MessageBody(row).ReadRow(session.TextEncoding));
            }

            return ValueTask.CompletedTask;
        }

        public void OnComplete(in Expected answered, CommandOutcome outcome)
        {
        }

        public void OnFailed(PostgresException error, in Expected? answered) => Error ??= error;

        public void OnNotice(PostgresNotice notice, object? owner) => onNotice?.Invoke(notice);
    }
}

/// <summary>Why no more messages are handed over for now.</summary>
internal enum ReadStep
{
    /// <summary>All that has come is handed over.</summary>
    Fill,

    /// <summary>The handler must be waited for.</summary>
    Await,

    /// <summary>The server is ready for the next command.</summary>
    Ready,
}

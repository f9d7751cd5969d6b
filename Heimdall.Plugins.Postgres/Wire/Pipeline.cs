using System.Text;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Wire;

/// <summary>
/// Sends statements without waiting for the answers to those before, and tells the answers as they come. The server runs them one after
/// the other as if each had been waited for: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING.
/// One caller sends; the answers are read meanwhile by another task, so that neither side ever waits for the other to read.
/// </summary>
internal sealed partial class Pipeline : IAsyncDisposable
{
    // Enough for the server never to wait for us, and little enough to be kept until it is answered.
    private const int MostChunks = 8;
    private const int MostInChunk = 256;

    // The server keeps its answers to itself until it is asked for them, and a slow statement must not hide what was done before it. But
    // each asking costs the server a system call, about a fifth of a small INSERT: a run of those is asked about now and then.
    private const int FlushInterval = 16;

    private static readonly byte[] Begin = "begin"u8.ToArray();
    private static readonly byte[] Commit = "commit"u8.ToArray();

    private readonly Stream _stream;
    private readonly IPipelineObserver _observer;
    private readonly bool _stopsOnError;
    private readonly IncomingMessages _incoming;
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _changed = new(0);
    private readonly Queue<ExpectedAnswer> _expected = [];
    private readonly Stack<OutgoingChunk> _spare = [];
    private volatile Task _reading = Task.CompletedTask;
    private OutgoingChunk _chunk = new();
    private int _inChunk;
    private int _unasked;
    private string? _lastTag;
    private int _chunksOut;
    private int _readiesOut;
    private bool _isReading;
    private bool _needsSync;
    private Exception? _broken;

    /// <param name="stream">To a server that waits for a command.</param>
    /// <param name="observer">Who hears the answers.</param>
    /// <param name="stopsOnError">
    /// True when nothing is to run after the first error: whatever was sent behind it is not executed, and not told of.
    /// </param>
    /// <param name="standardConformingStrings">How the session reads strings at this time.</param>
    public Pipeline(Stream stream, IPipelineObserver observer, bool stopsOnError, bool standardConformingStrings)
    {
        _stream = stream;
        _observer = observer;
        _stopsOnError = stopsOnError;
        _incoming = new IncomingMessages(stream, keepsRows: false);
        StandardConformingStrings = standardConformingStrings;
    }

    /// <summary>Whether a statement has failed, of those that stop on errors.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Whether the session waits for a command and nothing is left to be sent: another may use the connection.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return _broken is null && !_isReading && _expected.Count == 0 && _chunk.IsEmpty;
            }
        }
    }

    /// <summary>As of the last answer.</summary>
    public bool StandardConformingStrings { get; private set; }

    /// <summary>The server's name of the encoding it takes what is sent for, as of the last answer.</summary>
    public string ClientEncoding { get; private set; } = ClientEncodings.Utf8;

    /// <summary>Whether a transaction block is open, alive or not, as of the last time all was answered.</summary>
    public bool IsInBlock { get; private set; }

    /// <summary>
    /// Whether a text that was sent as it is has committed: one of several statements can, and then a transaction that is open may not
    /// be the one that was.
    /// </summary>
    public bool HasCommitted { get; private set; }

    /// <summary>The statement that the server is at, with its text; null when all is answered. After the session's end: what ended with it.</summary>
    public (ScriptStatement Statement, ReadOnlyMemory<byte> Text)? Current => Head() is { Statement: { } statement } head ? (statement, head.Text) : null;

    /// <summary>How many statements are on their way whose answers have not come. After the session's end: had not come.</summary>
    public int Unanswered
    {
        get
        {
            lock (_lock)
            {
                return _expected.Count(answer => answer.Kind is ExpectedKind.Execution or ExpectedKind.ExecutionInBlock or ExpectedKind.Query);
            }
        }
    }

    /// <summary>How the server's words, and the statements, are to be read.</summary>
    public Encoding TextEncoding => ClientEncodings.Of(ClientEncoding);

    /// <summary>Sends a statement by the extended protocol, which costs the server least. If it fails, nothing behind it is executed.</summary>
    /// <param name="statement">Whose it is.</param>
    /// <param name="text">One statement, small enough for a chunk; valid during the call.</param>
    /// <param name="inBlock">True to give it a transaction block of its own, committed behind it.</param>
    public async ValueTask ExecuteAsync(ScriptStatement statement, ReadOnlyMemory<byte> text, bool inBlock)
    {
        // In the moment in which it is executed, nothing may be on its way that the server would not skip after an error: see BlockStep.
        if (statement.Step is BlockStep.Restore && _readiesOut > 0)
        {
            await DrainAsync();
        }

        await MakeRoomAsync(text.Length);
        var isRun = !inBlock && statement.Tag == "INSERT" && _lastTag == "INSERT";
        if (!isRun || ++_unasked >= FlushInterval)
        {
            _chunk.AddFlush();
            _unasked = 0;
        }

        _lastTag = statement.Tag;
        lock (_lock)
        {
            if (inBlock)
            {
                Add(ExpectedKind.BlockBegin, statement, Begin);
            }

            Add(inBlock ? ExpectedKind.ExecutionInBlock : ExpectedKind.Execution, statement, text.Span);
            if (inBlock)
            {
                Add(ExpectedKind.BlockCommit, statement, Commit);
            }
        }

        _needsSync = true;
        _inChunk++;
    }

    /// <summary>
    /// Sends a text as psql does. It is executed whatever became of what was sent before it; what is sent behind it as well.
    /// One that is too long for a chunk must be drained before its memory changes.
    /// </summary>
    public async ValueTask QueryAsync(ScriptStatement statement, ReadOnlyMemory<byte> text)
    {
        AddSyncIfNeeded();
        if (!OutgoingChunk.Fits(text.Length))
        {
            await SendAsync();
            Expect(new ExpectedAnswer(ExpectedKind.Query, statement, text, null));
            EnsureReading();
            await WriteAsync(OutgoingChunk.QueryHeader(text.Length));
            await WriteAsync(text);
            await WriteAsync(OutgoingChunk.QueryEnd);
            return;
        }

        await MakeRoomAsync(text.Length);
        var start = _chunk.AddQuery(text.Span);
        Expect(new ExpectedAnswer(ExpectedKind.Query, statement, _chunk.Bytes.Slice(start, text.Length), _chunk));
        _inChunk++;
    }

    /// <summary>Sends what has been gathered, and waits until all is answered.</summary>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async ValueTask DrainAsync()
    {
        AddSyncIfNeeded();
        await SendAsync();
        await UntilAsync(() => !_isReading);
    }

    /// <summary>Ends all reading and writing at once; may be called at any time.</summary>
    public void Abort() => _stream.Dispose();

    /// <summary>For a session that has been ended: waits until that is noticed, and does not wait for longer than it may take.</summary>
    public async Task AbortAfterAsync(TimeSpan patience)
    {
        if (await Task.WhenAny(_reading, Task.Delay(patience)) != _reading)
        {
            Abort();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _reading;
        _incoming.Dispose();
        _changed.Dispose();
    }

    private void AddSyncIfNeeded()
    {
        if (_needsSync)
        {
            _needsSync = false;
            _chunk.AddSync();
            Expect(new ExpectedAnswer(ExpectedKind.Sync, null, default, _chunk));
        }
    }

    private void Add(ExpectedKind kind, ScriptStatement statement, ReadOnlySpan<byte> text)
    {
        var start = _chunk.AddExecution(text);
        ExpectLocked(new ExpectedAnswer(kind, statement, _chunk.Bytes.Slice(start, text.Length), _chunk));
    }

    private void Expect(ExpectedAnswer answer)
    {
        lock (_lock)
        {
            ExpectLocked(answer);
        }
    }

    private void ExpectLocked(ExpectedAnswer answer)
    {
        _readiesOut += answer.Kind is ExpectedKind.Query or ExpectedKind.Sync ? 1 : 0;
        answer.Chunk?.Hold();
        _expected.Enqueue(answer);
    }
}

using System.Diagnostics;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// Sends statements without waiting for the answers to those before, and reports the answers as they come. The server
/// runs them one after the other as if each had been waited for:
/// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING. One caller sends; the answers
/// are read meanwhile by another task, so that neither side ever waits for the other to read.
/// </summary>
/// <param name="session">Waits for a command.</param>
/// <param name="observer">Hears the answers.</param>
internal sealed class Pipeline(
    ProtocolSession session, IPipelineObserver observer) : IAnswerHandler, IAsyncDisposable
{
    // Enough for the server never to wait for us, and little enough to be kept until it is answered.
    private const int MostChunks = 8;
    private const int MostInChunk = 256;

    // The server keeps its answers to itself until it is asked for them, and a slow statement must not hide what was
    // done before it. But each asking costs the server a system call, about a fifth of a small INSERT: a run of those
    // is asked about now and then.
    private const int FlushInterval = 16;

    private const int CopyBufferSize = 128 * 1024;

    private static readonly byte[] _begin = "begin"u8.ToArray();
    private static readonly byte[] _commit = "commit"u8.ToArray();

    // Guards what follows up to _hasAskedForData, but for what only one side uses.
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _changed = new(0);
    private readonly Stack<PipelineChunk> _spare = [];
    private int _chunksOut;
    private bool _isReading;
    private bool _hasAskedForData;
    private volatile Task _reading = Task.CompletedTask;

    // The sender's.
    private PipelineChunk? _chunk;
    private int _unasked;
    private bool _needsSync;
    private byte[]? _copyBuffer;
    private int _copyLength;
    private bool _isInCopy;

    // The reader's.
    private CommandOutcome _outcome;
    private long _lastDone;

    /// <summary>
    /// True when nothing is to run after the first error: what was sent behind it is neither executed nor reported.
    /// Changed only while all is answered.
    /// </summary>
    public required bool StopsOnError { get; set; }

    /// <summary>Whether a statement has failed, of those that stop on errors.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>
    /// Whether a text that was sent as it is has committed: one of several statements can, and then a transaction that
    /// is open may not be the one that was.
    /// </summary>
    public bool HasCommitted { get; private set; }

    /// <summary>
    /// Whether somebody waits for the server to ask for data. If not, its asking is the session's end: it would wait
    /// for ever.
    /// </summary>
    public bool ExpectsCopy { get; set; }

    /// <summary>Whether the server waits for COPY data.</summary>
    public bool WantsCopyData { get; private set; }

    /// <summary>Whether the data it waits for is in the binary format.</summary>
    public bool WantsBinary { get; private set; }

    /// <summary>Whether the session waits for a command and nothing is left to be sent.</summary>
    public bool IsIdle => session.IsIdle && _chunk is null or { Messages.IsEmpty: true };

    private PipelineChunk Chunk => _chunk ??= new PipelineChunk(Reuse);

    /// <summary>
    /// Sends a statement by the extended protocol, which costs the server least. If it fails, nothing behind it is
    /// executed.
    /// </summary>
    /// <param name="owner">Whose it is.</param>
    /// <param name="text">One statement, small enough for a chunk; valid during the call.</param>
    /// <param name="inBlock">True to give it a transaction block of its own, committed behind it.</param>
    /// <param name="isOneOfMany">True for a short statement behind one of its kind: the answers to those before it can
    /// wait a little.</param>
    public async ValueTask ExecuteAsync(object owner, ReadOnlyMemory<byte> text, bool inBlock, bool isOneOfMany)
    {
        await MakeRoomAsync(text.Length);
        if (!isOneOfMany || ++_unasked >= FlushInterval)
        {
            Chunk.Messages.Flush();
            _unasked = 0;
        }

        if (inBlock)
        {
            Add(ExpectedKind.BlockBegin, owner, _begin);
        }

        Add(
            inBlock ? ExpectedKind.ExecutionInBlock : ExpectedKind.Execution, owner, text.Span,
            session.StatementComment);
        if (inBlock)
        {
            Add(ExpectedKind.BlockCommit, owner, _commit);
        }

        _needsSync = true;
        Chunk.Statements++;
    }

    /// <summary>
    /// Sends one statement with the values of its parameters, to be answered before anything behind it is sent.
    /// </summary>
    public async ValueTask ExecuteAsync(object owner, ReadOnlyMemory<byte> text, IReadOnlyList<byte[]> values)
    {
        AddSyncIfNeeded();
        await SendAsync();
        var start = Chunk.Messages.Parse(text.Span, types: default, session.StatementComment);
        Chunk.Messages.Bind([.. values]);
        Chunk.Messages.Execute();
        session.Expect(new Expected(
            ExpectedKind.ExecutionBeforeSync, owner, Chunk.Messages.Bytes.Slice(start, text.Length), Chunk));
        Chunk.Messages.Sync();
        session.Expect(new Expected(ExpectedKind.Sync, owner, Chunk.Messages.Bytes.Slice(start, text.Length), Chunk));
        Chunk.Statements++;
    }

    /// <summary>
    /// Sends a text as psql does. It is executed whatever became of what was sent before it; what is sent behind it as
    /// well. One that is too long for a chunk must be drained before its memory changes.
    /// </summary>
    public async ValueTask QueryAsync(object owner, ReadOnlyMemory<byte> text)
    {
        AddSyncIfNeeded();
        if (!PipelineChunk.Fits(text.Length))
        {
            await SendAsync();
            session.Expect(new Expected(ExpectedKind.Query, owner, text));
            EnsureReading();
            await WriteAsync(ClientMessages.QueryHeader(text.Length + session.StatementComment.Length));
            await WriteAsync(text);
            await WriteAsync(session.StatementComment);
            await WriteAsync(ClientMessages.QueryEnd);
            return;
        }

        await MakeRoomAsync(text.Length);
        var start = Chunk.Messages.Query(text.Span, session.StatementComment);
        session.Expect(new Expected(ExpectedKind.Query, owner, Chunk.Messages.Bytes.Slice(start, text.Length), Chunk));
        Chunk.Statements++;
    }

    /// <summary>Sends what has been gathered, and waits until all is answered.</summary>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async ValueTask DrainAsync()
    {
        AddSyncIfNeeded();
        await SendAsync();
        await UntilAsync(() => !_isReading);
    }

    /// <summary>
    /// Sends what has been gathered and waits until the server asks for COPY data, or all is answered.
    /// </summary>
    /// <returns>
    /// True when it has asked for data, even if it has refused them since: they are data all the same, and no
    /// statements.
    /// </returns>
    public async ValueTask<bool> WaitForCopyAsync()
    {
        AddSyncIfNeeded();
        await SendAsync();
        await UntilAsync(() => _hasAskedForData || !_isReading);
        lock (_lock)
        {
            var hasAsked = _hasAskedForData;
            _hasAskedForData = false;
            return hasAsked;
        }
    }

    /// <summary>Hands on a piece of the data, as long as the server wants any.</summary>
    public async ValueTask CopyAsync(ReadOnlyMemory<byte> data)
    {
        _copyBuffer ??= new byte[CopyBufferSize];
        while (data.Length > 0 && WantsCopyData)
        {
            if (_copyLength == 0)
            {
                _copyLength = ClientMessages.Header;
            }

            var length = Math.Min(data.Length, _copyBuffer.Length - _copyLength);
            data[..length].CopyTo(_copyBuffer.AsMemory(_copyLength));
            _copyLength += length;
            data = data[length..];
            if (_copyLength == _copyBuffer.Length)
            {
                await SendCopyAsync();
            }
        }
    }

    /// <summary>Says that the data is complete; the server then says what it makes of it.</summary>
    public async ValueTask CompleteCopyAsync()
    {
        await SendCopyAsync();
        await EndCopyAsync(messages => messages.CopyDone());
    }

    /// <summary>Says that there will be no (more) data, so that the COPY fails.</summary>
    public async ValueTask FailCopyAsync(string reason)
    {
        _copyLength = 0;
        await EndCopyAsync(messages => messages.CopyFail(reason));
    }

    public async ValueTask DisposeAsync()
    {
        await _reading;
        _changed.Dispose();
    }

    void IAnswerHandler.OnComplete(in Expected answered, CommandOutcome outcome)
    {
        EndCopy();
        _isInCopy = false;
        if (answered.Kind is ExpectedKind.Execution or ExpectedKind.ExecutionBeforeSync
            or ExpectedKind.ExecutionInBlock or ExpectedKind.Query)
        {
            _outcome = outcome;
            HasCommitted |= answered.Kind is ExpectedKind.Query && outcome.Tag is "COMMIT" or "PREPARE TRANSACTION";
        }

        if (answered.Kind is ExpectedKind.Execution or ExpectedKind.BlockCommit)
        {
            Report(answered);
        }
    }

    void IAnswerHandler.OnFailed(PostgresException error, in Expected? answered)
    {
        EndCopy();
        if (StopsOnError && HasFailed)
        {
            return; // what was sent before the error was known: refused, because the transaction is no more
        }

        // The text that an error in BEGIN or COMMIT speaks of is ours.
        var isOurs = answered is { Kind: ExpectedKind.BlockBegin or ExpectedKind.BlockCommit };
        observer.OnFailed(
            error, answered?.Owner, isOurs || answered is null ? default : answered.Value.Text.Span, _isInCopy);
        _isInCopy = false;
        HasFailed = StopsOnError;
        _lastDone = Stopwatch.GetTimestamp();
    }

    void IAnswerHandler.OnNotice(PostgresNotice notice, object? owner) => observer.OnNotice(notice, owner);

    void IAnswerHandler.OnReady(in Expected? answered, bool hasFailed)
    {
        EndCopy();
        if (answered is { Kind: ExpectedKind.Query } or { Kind: ExpectedKind.Sync, Owner: not null } && !hasFailed)
        {
            Report(answered.Value);
        }

        observer.OnReady(session.Transaction != TransactionStatus.Idle);
    }

    void IAnswerHandler.OnCopyIn(bool isBinary)
    {
        if (!ExpectsCopy)
        {
            throw new InvalidDataException(
                "The server asks for COPY data, and the statement was not taken for one that it does so for.");
        }

        lock (_lock)
        {
            (WantsCopyData, WantsBinary, _hasAskedForData) = (true, isBinary, true);
        }

        _isInCopy = true;
    }

    ValueTask IAnswerHandler.OnCopyOutAsync(bool isBinary)
    {
        _isInCopy = true;
        return ValueTask.CompletedTask;
    }

    private void Add(
        ExpectedKind kind, object owner, ReadOnlySpan<byte> text, ReadOnlySpan<byte> comment = default)
    {
        var start = Chunk.Messages.Run(text, comment);
        session.Expect(new Expected(kind, owner, Chunk.Messages.Bytes.Slice(start, text.Length), Chunk));
    }

    private void AddSyncIfNeeded()
    {
        if (_needsSync)
        {
            _needsSync = false;
            Chunk.Messages.Sync();
            session.Expect(new Expected(ExpectedKind.Sync, Chunk: Chunk));
        }
    }

    private async ValueTask MakeRoomAsync(int length)
    {
        session.ThrowIfBroken();
        if (Chunk.Statements >= MostInChunk || !Chunk.HasRoomFor(length))
        {
            await SendAsync();
        }
    }

    private async ValueTask SendAsync()
    {
        session.ThrowIfBroken();
        var chunk = Chunk;
        if (chunk.Messages.IsEmpty)
        {
            return;
        }

        if (_needsSync)
        {
            chunk.Messages.Flush();
        }

        chunk.SentAt = Stopwatch.GetTimestamp();
        lock (_lock)
        {
            _chunksOut++;
        }

        EnsureReading();
        await WriteAsync(chunk.Messages.Bytes);
        _chunk = null;
        chunk.Release();
        await UntilAsync(() => _chunksOut < MostChunks || HasFailed);
        lock (_lock)
        {
            _chunk = _spare.TryPop(out var spare) ? spare : null;
        }
    }

    private async ValueTask SendCopyAsync()
    {
        if (_copyBuffer is not null && _copyLength > ClientMessages.Header && WantsCopyData)
        {
            ClientMessages.WriteHeader(_copyBuffer, 'd', _copyLength - ClientMessages.Header);
            await WriteAsync(_copyBuffer.AsMemory(0, _copyLength));
        }

        _copyLength = 0;
        session.ThrowIfBroken();
    }

    private async ValueTask EndCopyAsync(Action<ClientMessages> write)
    {
        if (WantsCopyData)
        {
            // Before it is sent: a text with two COPYs asks for data again.
            EndCopy();
            var messages = new ClientMessages(ClientMessages.Header);
            write(messages);
            await WriteAsync(messages.Bytes);
        }
    }

    private void EndCopy()
    {
        if (WantsCopyData)
        {
            lock (_lock)
            {
                WantsCopyData = false;
            }
        }
    }

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await session.WriteAsync(bytes);
        }
        catch (Exception e) when (ProtocolSession.IsTransportFault(e))
        {
            // What the server said last, if it said anything, is worth more than that it no longer listens.
            await _reading;
            throw session.Break(e);
        }
    }

    private async ValueTask UntilAsync(Func<bool> condition)
    {
        while (true)
        {
            lock (_lock)
            {
                if (session.Fault is not null || condition())
                {
                    break;
                }
            }

            await _changed.WaitAsync();
        }

        session.ThrowIfBroken();
    }

    private void Reuse(PipelineChunk chunk)
    {
        lock (_lock)
        {
            _spare.Push(chunk);
            _chunksOut--;
        }
    }

    private void EnsureReading()
    {
        lock (_lock)
        {
            if (_isReading || session.IsAnswered)
            {
                return;
            }

            _isReading = true;
        }

        _reading = Task.Run(ReadAsync);
    }

    private async Task ReadAsync()
    {
        try
        {
            while (!TakeAll())
            {
                Announce();
                await session.FillAsync(this);
            }
        }
        catch (Exception e)
        {
            // Whatever it is, also a fault of ours: the sender must hear of it, or would wait for ever.
            session.Break(e);
            lock (_lock)
            {
                _isReading = false;
            }
        }

        Announce();
    }

    /// <returns>True when everything that was sent is answered.</returns>
    private bool TakeAll()
    {
        session.Take(this, stopsAtReady: false, out _);
        lock (_lock)
        {
            _isReading = !session.IsAnswered;
            return !_isReading;
        }
    }

    private void Report(in Expected answered)
    {
        if (StopsOnError && HasFailed)
        {
            return;
        }

        var now = Stopwatch.GetTimestamp();
        var started = Math.Max(_lastDone, answered.Chunk?.SentAt ?? 0);
        _lastDone = now;
        observer.OnDone(
            answered.Owner!, _outcome, started == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(started, now));
    }

    private void Announce()
    {
        // One is enough: each waiter checks everything again.
        if (_changed.CurrentCount == 0)
        {
            _changed.Release();
        }
    }
}

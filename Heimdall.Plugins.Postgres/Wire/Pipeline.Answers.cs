using System.Diagnostics;
using System.Text;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Wire;

// The reading half: which answer belongs to what was sent.
internal sealed partial class Pipeline
{
    private bool _skipsToSync;
    private bool _queryFailed;
    private CommandOutcome _outcome;
    private long _lastDone;

    private void EnsureReading()
    {
        lock (_lock)
        {
            if (_isReading || _expected.Count == 0)
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
                await _incoming.FillAsync(CancellationToken.None);
            }

            Announce();
        }
        catch (Exception e) when (IsTransportFault(e) || e is SessionBrokenException)
        {
            Break(e is SessionBrokenException { InnerException: { } said } ? said : e);
        }
        catch (Exception e)
        {
            // A fault of ours. Whoever sends must hear of it, or would wait for ever.
            Break(e);
        }
    }

    /// <returns>True when everything that was sent is answered.</returns>
    private bool TakeAll()
    {
        while (_incoming.TryRead(out var type, out var body))
        {
            Take(type, body);
        }

        lock (_lock)
        {
            _isReading = _expected.Count > 0 || !_incoming.IsAtBoundary;
            return !_isReading;
        }
    }

    // https://www.postgresql.org/docs/current/protocol-message-formats.html
    private void Take(byte type, ReadOnlySpan<byte> body)
    {
        switch ((char)type)
        {
            case 'C':
                OnCommandComplete(CommandOutcome.Read(body));
                break;
            case 'I':
                OnCommandComplete(new CommandOutcome("", 0));
                break;
            case 'E':
                OnErrorResponse(ServerReport.Read(body, TextEncoding));
                break;
            case 'N':
                _observer.OnNotice(ServerReport.Read(body, TextEncoding).ToNotice(), Head()?.Statement);
                break;
            case 'Z':
                OnReady(body);
                break;
            case 'S':
                OnParameter(body);
                break;
            case 'G':
                OnCopyIn(isBinary: body.Length > 0 && body[0] == 1);
                break;
        }
    }

    private void OnCommandComplete(CommandOutcome outcome)
    {
        if (Head() is not { } head)
        {
            return;
        }

        EndCopy();
        if (head.Kind is ExpectedKind.Execution or ExpectedKind.ExecutionInBlock or ExpectedKind.Query)
        {
            _outcome = outcome;
            HasCommitted |= head.Kind is ExpectedKind.Query && outcome.Tag is "COMMIT" or "PREPARE TRANSACTION";
        }

        if (head.Kind is ExpectedKind.Execution or ExpectedKind.BlockCommit)
        {
            Tell(head);
        }

        // A Query is done only when the server is ready again: at its end a transaction may still fail.
        if (head.Kind is not ExpectedKind.Query)
        {
            Pop();
        }
    }

    private void OnErrorResponse(ServerReport report)
    {
        var head = Head();
        var error = report.ToException();
        EndCopy();
        if (report.IsFatal)
        {
            throw new SessionBrokenException(error);
        }

        _queryFailed = head is { Kind: ExpectedKind.Query };
        _skipsToSync = !_queryFailed;
        if (_stopsOnError && HasFailed)
        {
            return; // what was sent before the error was known: refused, because the transaction is no more
        }

        // The text that an error in BEGIN or COMMIT speaks of is ours.
        var isOurs = head is { Kind: ExpectedKind.BlockBegin or ExpectedKind.BlockCommit };
        _observer.OnFailed(error, head?.Statement, isOurs || head is null ? default : head.Value.Text.Span);
        HasFailed = _stopsOnError;
        _lastDone = Stopwatch.GetTimestamp();
    }

    private void OnReady(ReadOnlySpan<byte> body)
    {
        IsInBlock = body is not [(byte)'I', ..];
        EndCopy();
        if (_skipsToSync)
        {
            while (Head() is { Kind: not ExpectedKind.Sync })
            {
                Pop();
            }
        }

        var head = Head();
        if (head is { Kind: ExpectedKind.Query } && !_queryFailed)
        {
            Tell(head.Value);
        }

        if (head is not null)
        {
            Pop();
        }

        _observer.OnReady(IsInBlock);
        (_skipsToSync, _queryFailed) = (false, false);
    }

    private void OnParameter(ReadOnlySpan<byte> body)
    {
        var text = Encoding.UTF8.GetString(body).Split('\0');
        switch (text)
        {
            case ["standard_conforming_strings", var value, ..]:
                StandardConformingStrings = value == "on";
                break;
            case ["client_encoding", var value, ..]:
                ClientEncoding = value;
                break;
        }
    }

    private void Tell(ExpectedAnswer answer)
    {
        if (_stopsOnError && HasFailed)
        {
            return;
        }

        var now = Stopwatch.GetTimestamp();
        var started = Math.Max(_lastDone, answer.Chunk?.SentAt ?? 0);
        _lastDone = now;
        _observer.OnDone(answer.Statement!, _outcome, started == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(started, now));
    }

    private ExpectedAnswer? Head()
    {
        lock (_lock)
        {
            return _expected.TryPeek(out var head) ? head : null;
        }
    }

    private void Pop()
    {
        lock (_lock)
        {
            var answer = _expected.Dequeue();
            _readiesOut -= answer.Kind is ExpectedKind.Query or ExpectedKind.Sync ? 1 : 0;
            if (answer.Chunk is { } chunk)
            {
                ReleaseLocked(chunk);
            }
        }
    }
}

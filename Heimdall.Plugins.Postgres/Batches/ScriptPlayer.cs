using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Protocol;
using Heimdall.Plugins.Postgres.Psql;
using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Sessions;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Reads a script and sends its statements, so that the server does what it would do if psql had sent them one by one.
/// What may go ahead of an answer, and how, is all that the modes differ in.
/// </summary>
internal sealed class ScriptPlayer : IPsqlHost, IAsyncDisposable
{
    private const string Wraps = "is what transaction: single does anyway, and was not sent";
    private const string CreatesOwn = "makes the database in which the job runs already, and was not sent";

    // As psql calls it.
    private const string Savepoint = "pg_psql_temporary_savepoint";

    private readonly BatchScript _script;
    private readonly ClusterSession _clusterSession;
    private readonly SessionSettings _sessionSettings;
    private readonly ProtocolSession _session;
    private readonly Pipeline _pipeline;
    private readonly BatchJournal _journal;
    private readonly Func<CancellationToken, Task> _beforeFirst;
    private readonly PsqlReader _reader;
    private readonly TransactionWrap _wrap = new();
    private ISendPolicy _policy;
    private string? _lastTag;
    private bool _hasBegun;
    private bool _hasChangedReading;
    private bool _hasFailed;
    private bool _hasSentNothing;
    private bool _owesBegin;

    /// <param name="script">What is played.</param>
    /// <param name="session">Where.</param>
    /// <param name="sessionSettings">What the session is set to, and is again by <c>\connect</c>.</param>
    /// <param name="pipeline">Of the session.</param>
    /// <param name="journal">Records the statements and their results.</param>
    /// <param name="beforeFirst">Done before the first statement that can have an effect.</param>
    public ScriptPlayer(
        BatchScript script,
        ClusterSession session,
        SessionSettings sessionSettings,
        Pipeline pipeline,
        BatchJournal journal,
        Func<CancellationToken, Task> beforeFirst)
    {
        (_script, _clusterSession, _sessionSettings, _pipeline) = (script, session, sessionSettings, pipeline);
        (_session, _journal, _beforeFirst) = (session.Protocol, journal, beforeFirst);
        var options = ScriptReading.For(script.Settings, script.Place) with
        {
            NoticesWords = session.SharesBackends,
            KeepsPrevious = script.Check is { RepeatsStatements: true } or { TakesAnswers: not null },
        };
        _reader = new PsqlReader(script.Stream, options, this)
        {
            StandardConformingStrings = _session.StandardConformingStrings,
        };
        _reader.Variables.SetOwn("ENCODING", _session.ClientEncoding);
        _reader.Variables.SetServerVersion(_session.ServerVersion);
        _journal.StopsOnError = _pipeline.StopsOnError = StopsOnError;
        _policy = NewPolicy();
    }

    /// <summary>Whether nothing more runs.</summary>
    public bool HasStopped => _pipeline.HasFailed || _hasFailed;

    /// <summary>Whether all statements leave nothing in the session that a reset does not take away.</summary>
    public bool LeavesNothing => _policy is SingleTransactionPolicy { LeavesNothing: true };

    private bool IsOneTransaction => _script.IsOneTransaction;

    private bool StopsOnError => IsOneTransaction || _reader.Variables.StopsOnError;

    private PsqlVariables Variables => _reader.Variables;

    /// <summary>Plays the script to its end, or to its first error where that is the end.</summary>
    /// <exception cref="ScriptException">The script cannot be read on. What came before it has been
    /// answered.</exception>
    /// <exception cref="JobFailedException">A statement is not allowed here. What came before it has been
    /// answered.</exception>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async Task PlayAsync(CancellationToken cancellationToken)
    {
        try
        {
            // A statement may wait for the value of a variable, and that may bring an error before it to light.
            while (await _reader.ReadAsync(cancellationToken) is { } statement && !HasStopped)
            {
                if (_script.Resumption?.PassesOver(statement, _reader.Text.Span, Variables.Autocommits) == true)
                {
                    await PassDataAsync(statement, cancellationToken);
                    continue;
                }

                if (statement.RuleProblem is { } problem)
                {
                    await SettleAsync();
                    if (HasStopped)
                    {
                        break; // at an error before it
                    }

                    throw new JobFailedException(SendPolicy.Refused(statement, problem));
                }

                if (LeaveOut(statement) is { } why)
                {
                    await SettleAsync();
                    if (HasStopped)
                    {
                        break; // at an error before it
                    }

                    Variables.AreResultsKnown = false;
                    _journal.PassOver(statement, why);
                    continue;
                }

                if (!_hasBegun && !IsHarmlessSetting(statement))
                {
                    _hasBegun = true;
                    await SettleAsync();
                    if (HasStopped)
                    {
                        break; // what is asked before the first statement would be refused for the same error
                    }

                    await _beforeFirst(cancellationToken);
                }

                if (statement.WindowedDdl is not null && !await MayRunNowAsync(statement))
                {
                    break; // at an error before it
                }

                await PlayAsync(statement, cancellationToken);
                if (statement.WindowedDdl is not null)
                {
                    await _pipeline.DrainAsync(); // it is not kept back for what comes behind it
                }

                _journal.ReadTo(_reader.BytesRead);
            }
        }
        finally
        {
            await _pipeline.DrainAsync();
        }

        if (!HasStopped && _wrap.ProblemAtEnd is { } refusal)
        {
            throw new JobFailedException(refusal);
        }

        _journal.ReadTo(_reader.BytesRead);
    }

    public ValueTask DisposeAsync() => _reader.DisposeAsync();

    public void Say(string line, bool isWarning) => _journal.Say(line, isWarning);

    public void Note(PsqlCommand command, string text) => _journal.Note(command, text);

    public void Refuse(ScriptLocation place, string? file, string message) =>
        throw new ScriptException(message, place) { File = file };

    public async ValueTask FailAsync(PsqlCommand command, string message)
    {
        await SettleAsync();
        if (HasStopped)
        {
            return; // an error before this one was the end
        }

        var error = new StatementError
        {
            File = command.File,
            Line = command.Place.Line,
            Column = command.Place.Column,
            Message = $"{command.Name}: {message}",
        };
        Fail(error);
    }

    public async ValueTask SettleAsync()
    {
        await _pipeline.DrainAsync();
        if (!Variables.AreResultsKnown)
        {
            Variables.AreResultsKnown = true;
            if (_hasSentNothing)
            {
                _hasSentNothing = false;
                _journal.LastResult.OnDone(rows: 0);
            }

            _journal.LastResult.SetTo(Variables);
            Variables.SetOwn("ENCODING", _session.ClientEncoding);
        }
    }

    // What psql sends before it is sent with the next statement.
    public void OnNothingSent()
    {
        Variables.AreResultsKnown = false;
        _hasSentNothing = true;
        _owesBegin |= !IsOneTransaction && !Variables.Autocommits && _session.Transaction == TransactionStatus.Idle;
    }

    public void OnErrorModeChanged()
    {
        if (!IsOneTransaction)
        {
            _journal.StopsOnError = _pipeline.StopsOnError = StopsOnError;
            _policy = NewPolicy();
            _policy.OnAnswered(_session.Transaction != TransactionStatus.Idle, _pipeline.HasCommitted);
        }
    }

    public void TakeAnswers(string name, ScriptLocation place, string? file)
    {
    }

    // psql complains, leaves the line out, and continues with the statement it stands in.
    public bool LeavesOutTerminator(ScriptLocation place)
    {
        if (StopsOnError)
        {
            return false;
        }

        _journal.Say($@"ERROR:  \. ends no data here and is left out (line {place.Line})", isWarning: true);
        return true;
    }

    public ValueTask<Stream?> OpenAsync(string path, bool isScript, PsqlCommand command)
    {
        if (_script.Files.Find(path) is not { } file)
        {
            Refuse(
                command.Place,
                command.File,
                $"{command.Name}: the file {path} was not known when the script was checked, before it ran.");
            return default;
        }

        return new ValueTask<Stream?>(file);
    }

    public async ValueTask ReconnectAsync(PsqlCommand command)
    {
        if (IsOneTransaction)
        {
            if (!_wrap.MayConnect)
            {
                Refuse(command.Place, command.File, TransactionWrap.ConnectsTooLate);
            }

            await _clusterSession.SetUpAgainAsync(_sessionSettings, CancellationToken.None);
            await AdoptNewAsync(command);
            return;
        }

        if (_session.Transaction != TransactionStatus.Idle)
        {
            await _session.AskAsync(_journal.OnNotice, "rollback");
            _journal.Undo(isAll: false);
        }

        _script.Resumption?.LeaveBlock();
        _journal.OnBlockLost(_reader.NextNumber);

        _owesBegin = false;
        await _clusterSession.BeginAgainAsync(_sessionSettings, _journal.OnNotice, CancellationToken.None);
        _policy.OnAnswered(isInBlock: false, hasCommitted: false);
        await AdoptNewAsync(command);
    }

    private async ValueTask AdoptNewAsync(PsqlCommand command)
    {
        if (!await _clusterSession.IsStillAsNewAsync(CancellationToken.None))
        {
            Refuse(command.Place, command.File, ScriptReading.NeedsNewSession);
        }

        _reader.StandardConformingStrings = _session.StandardConformingStrings;
        _reader.IsUtf8 = !ClientEncodings.IsSingleByte(_session.ClientEncoding);
        Note(command, "the job runs there already: its session is as new");
    }

    /// <returns>
    /// Why a statement is not sent: what it does is so already, whatever script it stands in. Null of any other.
    /// </returns>
    /// <exception cref="JobFailedException">It does not keep to a wrap that has been left out.</exception>
    private string? LeaveOut(ScriptStatement statement)
    {
        if (OwnDatabase.IsCreatedBy(statement, _reader.Text.Span, _script.OwnDatabase))
        {
            return CreatesOwn;
        }

        if (!IsOneTransaction)
        {
            return null;
        }

        var isOfWrap = _wrap.Takes(statement, _reader.Text.Span);
        return _wrap.Problem is { } refusal ? throw new JobFailedException(refusal) : isOfWrap ? Wraps : null;
    }

    /// <summary>
    /// Waits for what is before a statement that is DDL, and asks the command's windows once more: what is before it
    /// may have worked for hours.
    /// </summary>
    /// <returns>False where nothing more runs.</returns>
    /// <exception cref="JobFailedException">No window is open any more.</exception>
    private async ValueTask<bool> MayRunNowAsync(ScriptStatement statement)
    {
        await SettleAsync();
        return HasStopped ? false
            : _script.Settings.Rules!.DdlWindows!.FindProblem(statement.WindowedDdl!) is { } problem
                ? throw new JobFailedException(SendPolicy.Refused(statement, problem))
            : true;
    }

    private ISendPolicy NewPolicy() => this switch
    {
        { IsOneTransaction: true } => new SingleTransactionPolicy(_clusterSession.SharesBackends),
        { StopsOnError: true } => new StopOnErrorPolicy(),
        _ => new ContinueOnErrorPolicy(),
    };

    private async ValueTask PassDataAsync(ScriptStatement statement, CancellationToken cancellationToken)
    {
        for (var left = statement.CopiesIn; left > 0; left--)
        {
            await _reader.PassCopyDataAsync(cancellationToken);
        }
    }

    private async ValueTask PlayAsync(ScriptStatement statement, CancellationToken cancellationToken)
    {
        var isProtected = !IsOneTransaction && !statement.GoesAlone
            && (!Variables.Autocommits || Variables.UndoesErrors || _owesBegin);
        var mode = _policy.Of(statement, _reader.Text.Length);
        (Variables.AreResultsKnown, _hasSentNothing) = (false, false);
        switch (mode)
        {
            case var _ when statement.Rows != RowUse.None || statement.Values is not null || isProtected:
                await RunAloneAsync(statement, _reader.Text, cancellationToken);
                return;
            case SendMode.Pipelined:
                await ExecuteAsync(statement, inBlock: false);
                break;
            case SendMode.PipelinedInTransaction:
                await ExecuteAsync(statement, inBlock: true);
                break;
            case SendMode.PipelinedSimple:
                NoteControl(statement);
                await _pipeline.QueryAsync(statement, _reader.Text);
                break;
            default:
                await RunAloneAsync(statement, _reader.Text, cancellationToken);
                return;
        }

        if (statement.MayChangeReading
            || (_hasChangedReading && (statement.Step != BlockStep.None || !_reader.StandardConformingStrings)))
        {
            await _pipeline.DrainAsync();
            Adopt(statement);
        }
    }

    // How much of it is committed only the server knows.
    private void NoteControl(ScriptStatement statement)
    {
        if (statement.HidesControl)
        {
            _journal.CanResume = false;
        }
    }

    private async ValueTask ExecuteAsync(ScriptStatement statement, bool inBlock)
    {
        // In the moment in which it is executed, nothing may be on its way that the server would not skip after an
        // error: see BlockStep.
        if (statement.Step is BlockStep.Restore && _session.HasReadyOut)
        {
            await _pipeline.DrainAsync();
        }

        var isOneOfMany = !inBlock && statement.Tag == "INSERT" && _lastTag == "INSERT";
        _lastTag = statement.Tag;
        await _pipeline.ExecuteAsync(statement, _reader.Text, inBlock, isOneOfMany);
    }

    /// <summary>
    /// SET TRANSACTION must come before any query, also one of ours, and other settings and locks may stand before it;
    /// none has an effect that outlives the session. But the session must not lose the name by which it is found before
    /// it is known by another sign.
    /// </summary>
    private static bool IsHarmlessSetting(ScriptStatement statement) =>
        statement.Tag is ("SET" or "RESET" or "SET CONSTRAINTS" or "LOCK TABLE") && !statement.MayRename
        && statement is { Rows: RowUse.None, HasParts: false };

    /// <summary>Runs a statement that nothing is sent behind before it is answered.</summary>
    private async ValueTask RunAloneAsync(
        ScriptStatement statement, ReadOnlyMemory<byte> text, CancellationToken cancellationToken)
    {
        await _pipeline.DrainAsync();
        if (HasStopped)
        {
            return;
        }

        NoteControl(statement);
        var hasSavepoint = await ProtectAsync(statement, text);
        var rows = statement.Rows == RowUse.None ? null : await CaptureAsync(statement, text);
        if (rows is null)
        {
            await SendAsync(statement, text, cancellationToken);
        }

        if (hasSavepoint)
        {
            await UnprotectAsync(statement);
        }

        _policy.OnAnswered(_session.Transaction != TransactionStatus.Idle, _pipeline.HasCommitted);
        Adopt(statement);
        if (rows is { HasFailed: false })
        {
            await UseAsync(rows, statement, cancellationToken);
        }
    }

    private async ValueTask SendAsync(
        ScriptStatement statement, ReadOnlyMemory<byte> text, CancellationToken cancellationToken)
    {
        _pipeline.ExpectsCopy = true;
        if (statement.Values is { } values)
        {
            await _pipeline.ExecuteAsync(statement, text, values);
        }
        else
        {
            await _pipeline.QueryAsync(statement, text);
        }

        var fed = 0;
        for (; await _pipeline.WaitForCopyAsync(); fed++)
        {
            await FeedCopyAsync(statement, cancellationToken);
        }

        await _pipeline.DrainAsync();
        if (fed < statement.CopiesIn && !HasStopped)
        {
            // Its data are read as SQL. A job that passes over it would take them for data, and count otherwise.
            _journal.CanResume = false;
        }

        _pipeline.ExpectsCopy = false;
        _journal.CopyDataLine = null;
    }

    /// <summary>
    /// Does what <c>AUTOCOMMIT</c> and <c>ON_ERROR_ROLLBACK</c> ask for, as psql does it before a statement.
    /// </summary>
    /// <returns>Whether there is a savepoint.</returns>
    private async ValueTask<bool> ProtectAsync(ScriptStatement statement, ReadOnlyMemory<byte> text)
    {
        if (IsOneTransaction || statement.GoesAlone)
        {
            return false;
        }

        // Of several commands psql asks the first.
        var begins = _owesBegin || (!Variables.Autocommits && !IsPlainCluster(text.Span) && statement.KindOfFirst
            is not (ScriptStatementKind.TransactionControl or ScriptStatementKind.OutsideTransaction));
        _owesBegin = false;
        if (begins && _session.Transaction == TransactionStatus.Idle)
        {
            await _session.AskAsync(_journal.OnNotice, "begin");
            _journal.OnBlockBegun(statement);
        }

        if (!Variables.UndoesErrors || _session.Transaction != TransactionStatus.Open)
        {
            return false;
        }

        await _session.AskAsync(_journal.OnNotice, $"savepoint {Savepoint}");
        return true;
    }

    /// <summary>Whether a text begins with CLUSTER without the name of a table, which no transaction takes.</summary>
    private static bool IsPlainCluster(ReadOnlySpan<byte> text)
    {
        var word = "cluster"u8;
        if (text.Length < word.Length || !Ascii.EqualsIgnoreCase(text[..word.Length], word))
        {
            return false;
        }

        var rest = text[word.Length..];
        var behind = rest.IndexOfAnyExcept(SqlCharacters.Space);
        return behind < 0 || (!SqlCharacters.IsNamePart(rest[0]) && !char.IsAsciiLetter((char)rest[behind]));
    }

    private async ValueTask UnprotectAsync(ScriptStatement statement)
    {
        if (_session.Transaction == TransactionStatus.Failed)
        {
            await _session.AskAsync(_journal.OnNotice, $"rollback to {Savepoint}");
        }
        else if (_session.Transaction == TransactionStatus.Open
            && !statement.HasParts && statement.Tag is not ("SAVEPOINT" or "RELEASE" or "ROLLBACK" or "COMMIT"))
        {
            await _session.AskAsync(_journal.OnNotice, $"release {Savepoint}");
        }
    }

    private async ValueTask<RowCapture> CaptureAsync(ScriptStatement statement, ReadOnlyMemory<byte> text)
    {
        var rows = new RowCapture(_session, _journal, statement, text, _script.Settings.MaxVariableBytes);
        await rows.RunAsync();
        _hasFailed |= rows.HasFailed && StopsOnError;
        if (rows.HasCommitted)
        {
            _policy.OnAnswered(_session.Transaction != TransactionStatus.Idle, hasCommitted: true);
        }

        return rows;
    }

    private async ValueTask UseAsync(RowCapture rows, ScriptStatement statement, CancellationToken cancellationToken)
    {
        if (rows.IsTooLong)
        {
            Fail(ErrorOf(
                statement,
                $"its rows are longer than {_script.Settings.MaxVariableBytes} bytes, which is the command's "
                + "max_variable_bytes"));
        }
        else if (rows.Columns is not { } columns)
        {
            // What came last has no rows, whatever those before had.
        }
        else if (statement.Rows == RowUse.Statements)
        {
            await RefuseGeneratedAsync(rows, statement, cancellationToken);
            await RunRowsAsync(rows, statement, cancellationToken);
        }
        else
        {
            SetVariables(columns, rows.Rows, statement);
        }
    }

    /// <summary>
    /// Refuses values that would take data from the script, which was checked without such data, and what the command's
    /// rules refuse; before the first of them runs.
    /// </summary>
    private async ValueTask RefuseGeneratedAsync(
        RowCapture rows, ScriptStatement origin, CancellationToken cancellationToken)
    {
        foreach (var text in rows.Rows.SelectMany(row => row).OfType<byte[]>())
        {
            if (_script.Settings.Rules is null
                && !Encoding.Latin1.GetString(text).Contains("copy", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            var statement = await ReadGeneratedAsync(text, cancellationToken);
            if (statement.RuleProblem is { } problem)
            {
                throw new JobFailedException(SendPolicy.Refused(
                    origin, $"\\gexec would run a statement that is refused: {problem}"));
            }

            if (statement.CopiesIn > 0)
            {
                Refuse(
                    new ScriptLocation(origin.Line, origin.Column),
                    origin.File,
                    "\\gexec would run a COPY … FROM STDIN: write that statement into the script, before its data.");
            }
        }
    }

    private void SetVariables(
        IReadOnlyList<string> columns, IReadOnlyList<byte[]?[]> rows, ScriptStatement statement)
    {
        if (rows.Count != 1)
        {
            Fail(ErrorOf(
                statement, rows.Count == 0 ? "no rows returned for \\gset" : "more than one row returned for \\gset"));
            return;
        }

        try
        {
            SetVariables(columns, rows[0], statement);
        }
        catch (PsqlLimitException e)
        {
            Fail(ErrorOf(statement, e.Message));
        }
    }

    private void SetVariables(IReadOnlyList<string> columns, byte[]?[] row, ScriptStatement statement)
    {
        foreach (var (column, value) in columns.Zip(row))
        {
            var name = statement.Prefix + column;
            if (PsqlSetting.Find(name) is not null)
            {
                Say($"WARNING:  attempt to \\gset into specially treated variable \"{name}\" ignored", isWarning: true);
            }
            else if (Variables.TrySet(name, value) is { } problem)
            {
                Fail(ErrorOf(statement, problem));
                return;
            }
        }
    }

    /// <summary>
    /// Runs each value of the rows, as a text that the server is sent as it is. If none fails, psql's variables of
    /// results are those of the rows.
    /// </summary>
    private async ValueTask RunRowsAsync(
        RowCapture rows, ScriptStatement origin, CancellationToken cancellationToken)
    {
        var failed = _journal.Failed;
        foreach (var text in rows.Rows.SelectMany(row => row).OfType<byte[]>())
        {
            if (HasStopped)
            {
                return;
            }

            var statement = _reader.Adopt(await ReadGeneratedAsync(text, cancellationToken), origin);
            if (statement.RuleProblem is { } problem)
            {
                throw new JobFailedException(SendPolicy.Refused(statement, problem));
            }

            _ = _policy.Of(statement, text.Length);
            await RunAloneAsync(statement, text, cancellationToken);
            _journal.ReadTo(_reader.BytesRead);
        }

        if (_journal.Failed == failed)
        {
            _journal.LastResult.OnDone(rows.Rows.Count);
        }
    }

    // Read anew before each runs: one before it may have changed how strings are read.
    private ValueTask<ScriptStatement> ReadGeneratedAsync(byte[] text, CancellationToken cancellationToken) =>
        GeneratedStatement.ReadAsync(
            text,
            _reader.StandardConformingStrings,
            _clusterSession.SharesBackends,
            _script.Settings.Rules,
            cancellationToken);

    // Without the statement's number: the server has done it.
    private static StatementError ErrorOf(ScriptStatement statement, string message) => new()
    {
        File = statement.File,
        Line = statement.Line,
        Message = message,
    };

    private void Fail(StatementError error)
    {
        _journal.Add(new JobFailure { Kind = JobFailureKind.Sql, Message = error.Message, Errors = [error] });
        _hasFailed |= StopsOnError;
    }

    private async ValueTask FeedCopyAsync(ScriptStatement statement, CancellationToken cancellationToken)
    {
        if (statement.DataFile is { } path)
        {
            await FeedFileAsync(_script.Files.Find(path)!, cancellationToken);
            return;
        }

        if (_pipeline.WantsBinary)
        {
            await _pipeline.FailCopyAsync(
                "binary COPY is not possible in a script, which is text; use the text or the CSV format");
            return;
        }

        try
        {
            await _reader.BeginCopyDataAsync(cancellationToken);
            _journal.CopyDataLine = _reader.CopyDataLine;
            await _reader.CopyDataAsync(
                async (data, _) =>
                {
                    await _pipeline.CopyAsync(data);
                    _journal.ReadTo(_reader.BytesRead);
                },
                cancellationToken);
        }
        catch (Exception e) when (e is ScriptException or JobFailedException or OperationCanceledException)
        {
            await _pipeline.FailCopyAsync(e is OperationCanceledException ? "the job was stopped" : e.Message);
            throw;
        }

        await _pipeline.CompleteCopyAsync();
    }

    private async ValueTask FeedFileAsync(ScriptStream file, CancellationToken cancellationToken)
    {
        try
        {
            await using var buffer = new ScriptBuffer(file, leavesOpen: true);
            var data = new CopyDataReader(buffer);
            if (!_pipeline.WantsBinary)
            {
                data.BeginAtStart(); // text ends at a line \. too
            }

            while (true)
            {
                var piece = _pipeline.WantsBinary
                    ? await NextOfBinaryAsync(buffer, cancellationToken)
                    : await data.NextAsync(cancellationToken);
                if (piece.IsEmpty)
                {
                    break;
                }

                await _pipeline.CopyAsync(piece);
            }
        }
        catch (Exception e) when (e is JobFailedException or OperationCanceledException)
        {
            await _pipeline.FailCopyAsync(e is OperationCanceledException ? "the job was stopped" : e.Message);
            throw;
        }

        await _pipeline.CompleteCopyAsync();
    }

    private static async ValueTask<ReadOnlyMemory<byte>> NextOfBinaryAsync(
        ScriptBuffer buffer, CancellationToken cancellationToken)
    {
        await buffer.FillAsync(cancellationToken);
        var piece = buffer.KeptMemory;
        buffer.Discard(piece.Length);
        return piece;
    }

    /// <summary>
    /// What the server says now of how strings and characters are written holds for what is read next.
    /// </summary>
    private void Adopt(ScriptStatement statement)
    {
        var isUtf8 = !ClientEncodings.IsSingleByte(_session.ClientEncoding);
        if (_reader.StandardConformingStrings == _session.StandardConformingStrings && _reader.IsUtf8 == isUtf8
            && ClientEncodings.CanBeScanned(_session.ClientEncoding))
        {
            return;
        }

        _hasChangedReading = true;
        _reader.StandardConformingStrings = _session.StandardConformingStrings;
        _reader.IsUtf8 = isUtf8;
        if (!ClientEncodings.CanBeScanned(_session.ClientEncoding))
        {
            throw new ScriptException(
                $"A script in the encoding {_session.ClientEncoding} cannot be split into statements safely: "
                + "convert it to UTF-8, and leave out the SET client_encoding.",
                statement.Line,
                statement.Column)
            {
                File = statement.File,
            };
        }
    }
}

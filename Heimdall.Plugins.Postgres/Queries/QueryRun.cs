using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Protocol;
using Heimdall.Plugins.Postgres.RunLogs;
using Heimdall.Plugins.Postgres.Sessions;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// Runs one query and streams its rows: says what is sent and when. It runs in a transaction of its own, which is
/// committed when the last row is written: whatever ends it before has undone it. For a query that looks read-only
/// COMMIT is sent along. The few statements that cannot run so commit by themselves, and then only the server's answer
/// counts. How it ended decides <see cref="QueryOutcome"/>.
/// </summary>
internal sealed class QueryRun
{
    // A session numbers its transactions. With every name in full: the statement may have set a search_path.
    private static readonly byte[] _numberOfTransaction =
        """
        select pg_catalog.split_part(virtualxid, '/', 2)::pg_catalog.int8 from pg_catalog.pg_locks
        where locktype = 'virtualxid' and pid = pg_catalog.pg_backend_pid()
        """u8.ToArray();

    private const int MaxLateCancels = 3;

    // A server that was stopped in time may still be busy with the end of the statement.
    private static readonly TimeSpan _questionTimeout = TimeSpan.FromSeconds(30);

    private static readonly byte[] _begin = "begin"u8.ToArray();
    private static readonly byte[] _beginReadOnly = "begin read only"u8.ToArray();
    private static readonly byte[] _commit = "commit"u8.ToArray();
    private static readonly byte[] _reset = "discard all"u8.ToArray();
    private static readonly byte[] _forceSyncCommit =
        """
        select pg_catalog.set_config('synchronous_commit', 'local', true)
        where pg_catalog.current_setting('synchronous_commit') = 'off'
        """u8.ToArray();

    private static readonly byte[] _clock =
        """
        select (extract(epoch from pg_catalog.transaction_timestamp()) operator(pg_catalog.*) 1000000)::pg_catalog.int8
        """u8.ToArray();

    // A function can change it on its way, and nothing says from which row on.
    private static readonly byte[] _checkEncoding =
        """
        select pg_catalog.int4div(1, pg_catalog.int4(pg_catalog.texteq(
            pg_catalog.current_setting('client_encoding'), 'UTF8')))
        """u8.ToArray();

    // A subtransaction that writes gives its parent a number, which stays when the subtransaction is undone.
    private static readonly byte[] _mark = "savepoint heimdall"u8.ToArray();
    private const string ReturnToMark = "rollback to savepoint heimdall";
    private const string HasWritten = "select pg_catalog.pg_current_xact_id_if_assigned() is not null";

    // After its first query nothing makes a read-only transaction writable again.
    private static readonly byte[] _firstQuery = "select"u8.ToArray();

    private readonly ClusterSession _session;
    private readonly ProtocolSession _protocol;
    private readonly SessionSettings _settings;
    private readonly JobSettings _context;
    private readonly QueryText _query;
    private readonly IResultWriter _results;
    private readonly IJobMonitor _monitor;
    private readonly RowSink _rows;
    private bool _mustAsk;
    private bool _hasBegun;
    private bool _hasAskedToCommit;
    private bool _isUnread;

    public QueryRun(
        ClusterSession session,
        SessionSettings settings,
        JobSettings context,
        QueryText query,
        IResultWriter results,
        IJobMonitor monitor)
    {
        (_session, _protocol, _settings, _context, _query) = (session, session.Protocol, settings, context, query);
        (_results, _monitor) = (results, monitor);
        _rows = new RowSink(
            results, context.RowLimit, context.ByteLimit, context.MaxRowBytes, checksText: _protocol.ConvertsText);
    }

    /// <summary>Records what shows later whether a queued query took effect; null within a request.</summary>
    public QueryRecord? Record { get; init; }

    /// <summary>Stops the job's clock while the rows wait for their turn to be read.</summary>
    public Func<IDisposable>? PauseDeadline { get; init; }

    /// <summary>
    /// Whether the server had ended the session before it took anything of the query, as an idle one of the pool that
    /// somebody terminates. Its very name was still that of no attempt, so that it was not ended because of this one.
    /// </summary>
    public bool FoundSessionEnded { get; private set; }

    /// <summary>
    /// Whether Heimdall's database is asked, before the statement is sent, if the job is still this attempt's. The
    /// session bears its name by then, and a queued job's backend is on record: the worker that takes the job over
    /// ends it first.
    /// </summary>
    private bool IsFenced => !_context.ReadOnly && !(Record is null && _query.LooksReadOnly);

    private bool CommitsByItself => !_query.IsTransactional && !_context.ReadOnly;

    /// <summary>
    /// Of what commits by itself only CALL has rows. The others have committed when they are answered, and nothing that
    /// runs behind them may fail.
    /// </summary>
    private bool MayGiveRows => !CommitsByItself || _query.Tag == "CALL";

    private bool MayBeCutShort => _context.ReadOnly || _query.LooksReadOnly;

    /// <summary>
    /// Whether a limit may have it stopped that has not been forbidden to write: it may begin to in the very moment.
    /// </summary>
    private bool IsMarked => MayBeCutShort && !_context.ReadOnly && !CommitsByItself && _query.TakesEffect
        && ((_context.RowLimit ?? _context.ByteLimit) is not null || _results.MayBecomeFull);

    /// <summary>COMMIT is sent alone where its outcome must be known, and along with the query otherwise.</summary>
    private bool CommitsLater =>
        !CommitsByItself && _query.TakesEffect
            && (!MayBeCutShort || (Record is not null && !_context.ReadOnly) || _session.SharesBackends);

    private bool CommitsAtOnce => !CommitsByItself && _query.TakesEffect && !CommitsLater;

    /// <summary>
    /// Whether all of it is one run of messages, at whose end the server commits by itself: a SELECT needs no BEGIN for
    /// that, and what is set for its transaction is gone with it.
    /// </summary>
    private bool CommitsAtSync =>
        CommitsAtOnce && _query.Tag == "SELECT" && !IsMarked && !IsFenced && !_mustAsk && !_session.SharesBackends;

    /// <summary>Whether nothing of it can be left in the session when its transaction has ended.</summary>
    private bool LeavesNothing => CommitsAtSync && _query.IsConstant;

    /// <exception cref="JobFailedException">The query failed, or its rows were not all read when it had taken
    /// effect.</exception>
    /// <exception cref="OperationCanceledException">It was stopped, and took no effect.</exception>
    public async Task<JobProgress> RunAsync(CancellationToken cancellationToken)
    {
        (_session.IsReset, _session.MayBeKept) = (false, !_query.NamesWhatStays);
        if (_session.SharesBackends)
        {
            await PrepareAsync(
                async () =>
                {
                    await _session.BeginAsync(_context.ReadOnly, cancellationToken);
                    return true;
                },
                cancellationToken);
        }

        var types = await PrepareAsync(
            () => ParameterTypes.ResolveAsync(_query.Parameters, _context.SearchPath, _session, cancellationToken),
            cancellationToken);

        // Nothing has been sent: with COMMIT on its way it could no longer be said that nothing took effect.
        cancellationToken.ThrowIfCancellationRequested();
        var stop = _session.StopBy(StopMode.CancelFirst);

        // What commits by itself has perhaps done so by now: its few rows are written even when it is stopped,
        // and the server says how it ended.
        var writeToken = CommitsByItself ? CancellationToken.None : cancellationToken;
        using var answers = new QueryAnswers(_rows, PauseDeadline, writeToken)
        {
            OnColumns = columns => StartAsync(columns, writeToken),
            OnCut = () => OnCut(stop),
            OnRefused = stop.Begin,
            MaxRowBytes = _context.MaxRowBytes,
            OnNotice = OnNotice,
            IsReadable = () => !MayGiveRows || _protocol.ClientEncoding == ClientEncodings.Utf8,
        };
        Exception? broken = null;
        await using (stop)
        {
            await using var registration = stop.BeginOn(cancellationToken);
            try
            {
                await TalkAsync(answers, types, stop, cancellationToken);
            }
            catch (SessionBrokenException e)
            {
                broken = e.Cause;
            }
        }

        _session.IsReset = answers.IsReset && _protocol.Transaction == TransactionStatus.Idle;
        if (broken is not null)
        {
            FoundSessionEnded = PostgresErrors.IsFromServer(broken) && !answers.HasAnswered;
            await EndBrokenAsync(answers, isStopped: cancellationToken.IsCancellationRequested);
        }

        var run = await TranscribeAsync(answers, broken, stop.HasCutShort, cancellationToken);
        var outcome = QueryOutcome.Of(run);
        var cause = broken ?? run.Error;
        return outcome switch
        {
            { Failure: { } failure } => throw new JobFailedException(failure, cause),
            { IsStopped: true } => throw new OperationCanceledException(
                cause?.Message ?? "The query was stopped.", cause, cancellationToken),
            _ => Succeed(answers),
        };
    }

    /// <summary>A question before the query.</summary>
    private async Task<T> PrepareAsync<T>(Func<ValueTask<T>> askAsync, CancellationToken cancellationToken)
    {
        try
        {
            return await askAsync();
        }
        catch (Exception e) when (e is PostgresException or SessionBrokenException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var cause = (e as SessionBrokenException)?.Cause ?? e;
            FoundSessionEnded = !_hasBegun && !_session.IsAlive && PostgresErrors.IsFromServer(cause);
            throw new JobFailedException(PostgresErrors.ToFailure(cause, ErrorPlace.None, _session.State), cause);
        }
    }

    /// <summary>Sends all that can be sent ahead, and reads the answers.</summary>
    private async Task TalkAsync(
        QueryAnswers answers, uint[] types, SessionStop stop, CancellationToken cancellationToken)
    {
        _hasBegun = true;
        _mustAsk = types
            .Where((type, i) =>
                type == ParameterTypes.Inferred && ParameterText.DependsOnType(_query.Parameters[i].Value))
            .Any();
        AddOpening();
        if (_mustAsk)
        {
            AddDescription(types);
        }

        // What must not be in a transaction must not be in that of the set-up, nor run if that has failed.
        if (_mustAsk || CommitsByItself || IsFenced)
        {
            if (!await TryExchangeAsync(answers, stop))
            {
                return;
            }
        }

        if (IsFenced)
        {
            // Nothing is on its way, and nothing has happened.
            await (Record is null
                ? _session.AwaitAsync(
                    _monitor.ConfirmAsync(cancellationToken), SessionSettings.KeepAliveInterval, cancellationToken)
                : Record.BeginAsync(
                    CommitsByItself, _query.LooksReadOnly, answers.TransactionStarted, cancellationToken));
        }

        if (_query.WindowedDdl is { } ddl && _context.Rules?.DdlWindows?.FindProblem(ddl) is { } problem)
        {
            throw new JobFailedException(JobFailureKind.Refused, $"Line {_query.Place.Line}: {problem}");
        }

        if (CommitsByItself)
        {
            // Nothing of it has been sent, and no cancel reaches the question alone.
            cancellationToken.ThrowIfCancellationRequested();

            // Along with the statement, as the question behind it: while the server waits for a command, it may begin
            // transactions of its own in the session.
            Add(QueryStep.NumberBefore, _numberOfTransaction);
            _protocol.AddSync();
        }

        if (_mustAsk)
        {
            AddParse(types); // what was asked meanwhile has taken its place
        }
        else
        {
            AddDescription(types);
        }

        AddExecution(types, answers.ParameterTypes ?? []);
        (answers.CommitsAtSync, answers.LeavesNothing) = (CommitsAtSync, LeavesNothing);
        if (MayGiveRows && _query.Calls.Count > 0)
        {
            Add(QueryStep.Check, _checkEncoding);
        }

        if (CommitsAtOnce)
        {
            AddCommit();
        }
        else if (CommitsByItself)
        {
            _protocol.AddSync();
            Add(QueryStep.NumberBehind, _numberOfTransaction);
        }

        if (!await TryExchangeAsync(answers, stop) || answers.Refusal is not null)
        {
            return;
        }

        if (!_rows.HasStarted)
        {
            try
            {
                await _results.StartAsync([], answers.WriteToken);
            }
            catch (JobFailedException unfit) when (answers.HasCommitted || CommitsByItself)
            {
                throw WithEffect(unfit);
            }
        }

        if (CommitsLater)
        {
            try
            {
                await _session.LeaveAsync(OnNotice, cancellationToken);
            }
            catch (PostgresException e)
            {
                answers.Fail(e, QueryStep.Commit); // of what was put off to the COMMIT
                return;
            }

            if (Record is not null)
            {
                Report(answers);
                await Record.PrepareCommitAsync(cancellationToken);
            }

            cancellationToken.ThrowIfCancellationRequested();
            if (_session.SharesBackends)
            {
                await stop.DisposeAsync(); // behind its COMMIT the backend may be another client's
            }

            // A commit that is recorded must not be lost in a crash of the server.
            Add(QueryStep.SetUp, _forceSyncCommit);
            AddCommit();
            await TryExchangeAsync(answers, stop);
        }
    }

    /// <summary>Sends what was added, and reads the answers to all of it.</summary>
    /// <returns>False where the server refused something, or nobody reads the rows.</returns>
    private async Task<bool> TryExchangeAsync(QueryAnswers answers, SessionStop stop)
    {
        if (!_hasAskedToCommit)
        {
            _protocol.AddSync();
        }

        await _protocol.SendAsync();
        try
        {
            await _protocol.ReadAllAsync(answers);
            return answers.Error is null;
        }
        catch (Exception e) when (e is not SessionBrokenException)
        {
            // The writer of the rows cannot go on, or its reader is gone: nobody wants the rest.
            _isUnread = _rows.IsClosed = true;
            stop.Begin();
            try
            {
                await _protocol.ReadAllAsync(answers);
            }
            catch (SessionBrokenException) when (e is not OperationCanceledException)
            {
                // How the writer failed is what matters.
            }

            if (e is OperationCanceledException)
            {
                return false;
            }

            if (e is JobFailedException unfit && (answers.HasCommitted || CommitsByItself))
            {
                throw WithEffect(unfit);
            }

            throw;
        }
    }

    /// <summary>The rows could not be written, and what the query did is done: it must not be taken for refused.</summary>
    private static JobFailedException WithEffect(JobFailedException unfit) => new(
        unfit.Failure with
        {
            Message = $"{unfit.Message} The query itself has run to its end; if it changed anything, that stays.",
        },
        unfit);

    private void AddOpening()
    {
        if (CommitsAtSync)
        {
            var setUp = SessionSettings.ToQuery(_settings.NeededBy(_session.Traits), _context.ReadOnly);
            Add(QueryStep.SetUp, Encoding.UTF8.GetBytes(setUp));
            return;
        }

        if (!CommitsByItself && !_session.SharesBackends)
        {
            Add(QueryStep.Begin, _context.ReadOnly ? _beginReadOnly : _begin);
        }

        var values = _settings.NeededBy(_session.Traits);
        foreach (var command in SessionSettings.ToCommands(values, isLocal: _session.SharesBackends))
        {
            Add(QueryStep.SetUp, Encoding.UTF8.GetBytes(command));
        }

        if (_context.ReadOnly)
        {
            Add(QueryStep.SetUp, _firstQuery);
        }

        if (IsFenced && Record is not null && !CommitsByItself && !_session.SharesBackends)
        {
            Add(QueryStep.Clock, _clock);
        }

        if (IsMarked)
        {
            Add(QueryStep.Mark, _mark);
        }
    }

    // A type that is declared makes a parameter, even one that the query does not use: the server is sent only the types
    // of those that have one.
    private void AddParse(uint[] types) => _protocol.Outgoing.Parse(
        Encoding.UTF8.GetBytes(_query.Sql), types.AsSpan().TrimEnd(ParameterTypes.Inferred),
        _protocol.StatementComment);

    private void AddDescription(uint[] types)
    {
        AddParse(types);
        _protocol.Outgoing.Describe();
        _protocol.Expect(new Expected(ExpectedKind.Description, QueryAnswers.OwnerOf(QueryStep.Statement)));
    }

    /// <param name="types">As the parameters declare them.</param>
    /// <param name="inferred">As the server has inferred them, where it was asked.</param>
    private void AddExecution(uint[] types, uint[] inferred)
    {
        _protocol.Outgoing.Bind(
        [
            .. _query.Parameters.Select((parameter, i) =>
                ParameterText.Write(parameter.Value, TypeOf(i, types, inferred))),
        ]);
        _protocol.Outgoing.Execute();
        _protocol.Expect(new Expected(ExpectedKind.Execution, QueryAnswers.OwnerOf(QueryStep.Statement)));
    }

    // Only a value whose text depends on it goes by the inferred type: the others must not change with the parameters
    // beside them.
    private uint TypeOf(int parameter, uint[] types, uint[] inferred) =>
        types[parameter] == ParameterTypes.Inferred && parameter < inferred.Length
            && ParameterText.DependsOnType(_query.Parameters[parameter].Value)
            ? inferred[parameter]
            : types[parameter];

    /// <summary>Adds COMMIT and, behind it, the reset of the session.</summary>
    private void AddCommit()
    {
        if (!CommitsAtSync)
        {
            Add(QueryStep.Commit, _commit);
        }

        _hasAskedToCommit = true;
        _protocol.AddSync();
        if (!_session.SharesBackends && !LeavesNothing)
        {
            _protocol.Outgoing.Query(_reset);
            _protocol.Expect(new Expected(ExpectedKind.Query, QueryAnswers.OwnerOf(QueryStep.Reset)));
        }
    }

    private void Add(QueryStep step, byte[] sql)
    {
        _protocol.Outgoing.Run(sql);
        _protocol.Expect(new Expected(ExpectedKind.Execution, QueryAnswers.OwnerOf(step)));
    }

    private async ValueTask StartAsync(DescribedColumn[] columns, CancellationToken cancellationToken)
    {
        var described = await ColumnTypes.DescribeAsync(
            columns, _context.Numbers == NumberForm.String, _session, cancellationToken);
        await _rows.StartAsync(described, [.. columns.Select(column => column.Type)], cancellationToken);
    }

    /// <summary>A limit left a row out: what has written, or is about to, goes on for its effect.</summary>
    private void OnCut(SessionStop stop)
    {
        if (MayBeCutShort)
        {
            stop.CutShort(_query.FindNames());
        }
    }

    private void OnNotice(PostgresNotice notice)
    {
        foreach (var line in RunLog.Notice(notice, statement: null))
        {
            _monitor.Stderr(line);
        }
    }

    /// <summary>
    /// Makes sure that nothing of it runs any more. That this cannot be done matters only to who stopped it: the first
    /// error says more.
    /// </summary>
    private async Task EndBrokenAsync(QueryAnswers answers, bool isStopped)
    {
        try
        {
            await _session.EndAsync();
        }
        catch (JobFailedException)
            when (!isStopped || CommitsByItself || _isUnread || answers.HasCommitted || _rows.IsCut)
        {
            // client_connection_check_interval ends the backend of a dead connection within a second.
        }
    }

    private async Task<QueryTranscript> TranscribeAsync(
        QueryAnswers answers,
        Exception? broken,
        bool isCutShort,
        CancellationToken cancellationToken)
    {
        // First: it may take long enough to be stopped meanwhile.
        bool? hasWrittenWhenCut = false;
        if (isCutShort && IsMarked && broken is null && answers.Error is not null)
        {
            hasWrittenWhenCut = await HasWrittenAsync(cancellationToken);
        }

        return new()
        {
            Query = _query,
            IsReadOnly = _context.ReadOnly,
            CommitsByItself = CommitsByItself,
            MayBeCutShort = MayBeCutShort,
            IsStopped = cancellationToken.IsCancellationRequested,
            IsUnread = _isUnread,
            IsCutShort = isCutShort,
            HasWrittenWhenCut = hasWrittenWhenCut,
            IsAnswered = answers.Outcome is not null,
            CommitFate = broken is not null && Record is not null && CommitsLater && _hasAskedToCommit
                && !answers.HasCommitted ? await Record.FindFateAsync() : null,
            HasAskedToCommit = _hasAskedToCommit,
            HasCommitted = answers.HasCommitted,
            MayHaveCommittedOnItsWay = CommitsByItself && !answers.WasOneTransaction,
            Refusal = answers.Refusal,
            Error = answers.Error,
            FailedStep = answers.FailedStep,
            Broken = broken,
            ParametersUsed = answers.ParameterTypes?.Length,
            Session = _session.State,
        };
    }

    /// <summary>
    /// Whether the statement had begun to write when it was stopped at a limit. The cancel that was sent for it may
    /// come late, and hit the question.
    /// </summary>
    /// <returns>Null where the session gives no answer.</returns>
    private async Task<bool?> HasWrittenAsync(CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(_questionTimeout);
        for (var tries = 0; _session.IsAlive; tries++)
        {
            try
            {
                return (await _session.AskAsync(timeout.Token, ReturnToMark, HasWritten))[0][0] == "t";
            }
            catch (PostgresException e) when (PostgresErrors.IsCanceled(e) && tries < MaxLateCancels)
            {
                // Once more.
            }
            catch (Exception e) when (e is PostgresException or SessionBrokenException or OperationCanceledException)
            {
                return null;
            }
        }

        return null;
    }

    private JobProgress Succeed(QueryAnswers answers) => Report(answers);

    private JobProgress Report(QueryAnswers answers)
    {
        var progress = new JobProgress
        {
            RowCount = _rows.Rows,
            Truncated = _rows.IsCut,
            RowsAffected = answers.Outcome is { ChangesRows: true } outcome && !_query.CopiesOut
                ? outcome.Rows
                : null,
        };
        _monitor.Report(progress);
        return progress;
    }
}

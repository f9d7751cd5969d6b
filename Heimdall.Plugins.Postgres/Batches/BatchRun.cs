using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Protocol;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Runs one script: in one transaction, all of it or none, as <c>psql -1</c>; or statement by statement, as <c>psql
/// -f</c>.
/// </summary>
internal sealed class BatchRun : IAsyncDisposable
{
    private readonly ClusterSession _session;
    private readonly SessionSettings _sessionSettings;
    private readonly ScriptStream _script;
    private readonly JobSettings _settings;
    private readonly Guid _jobId;
    private readonly IJobMonitor _monitor;
    private readonly BatchReceipts? _receipts;
    private readonly BatchJournal _journal;
    private readonly ScriptScanner _scanner;
    private readonly ResumePoint? _resume;
    private readonly ScriptResumption? _resumption;
    private Pipeline? _pipeline;

    public BatchRun(
        ClusterSession session, SessionSettings sessionSettings, ScriptStream script, JobSettings settings,
        PluginJob job, IJobMonitor monitor,
        BatchReceipts? receipts)
    {
        (_session, _sessionSettings, _script, _settings, _jobId) = (session, sessionSettings, script, settings, job.Id);
        (_monitor, _resume, _receipts) = (monitor, job.Resume, receipts);
        _resumption = _resume is null ? null : new ScriptResumption(_resume.Statement);
        _journal = new BatchJournal(session, script, settings, monitor);
        _scanner = new ScriptScanner(script, settings.Variables, noticesWords: session.SharesBackends)
        {
            OnStrayTerminator = settings.OnError == OnError.Continue ? OnStrayTerminator : null,
        };
    }

    private bool IsOneTransaction => _settings.Transaction == TransactionMode.Single;

    public async Task<JobProgress> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            return IsOneTransaction
                ? await RunInTransactionAsync(cancellationToken)
                : await RunByStatementAsync(cancellationToken);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            await EndStoppedAsync(isUndone: IsOneTransaction);
            throw Stopped(e, cancellationToken);
        }
        catch (Exception e) when (FailureOf(e) is { } failure)
        {
            var isUndone = IsOneTransaction && failure.Kind != JobFailureKind.OutcomeUnknown
                && _pipeline is not { HasCommitted: true };
            if (cancellationToken.IsCancellationRequested && IsStop(e))
            {
                await EndStoppedAsync(isUndone);
                throw Stopped(e, cancellationToken);
            }

            try
            {
                await EndAsync(isUndone);
            }
            catch (JobFailedException)
            {
                // The first error says more. A server that has never been sent a COMMIT, or has denied it, commits
                // nothing, whether it can be reached or not; client_connection_check_interval ends the backend of a
                // dead connection.
            }

            throw new JobFailedException(
                failure with { IsUndone = isUndone }, (e as SessionBrokenException)?.Cause ?? e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_pipeline is { } pipeline)
        {
            if (!pipeline.IsIdle)
            {
                _session.Protocol.Abort();
            }

            await pipeline.DisposeAsync();
        }

        await _scanner.DisposeAsync();
    }

    private async Task<JobProgress> RunInTransactionAsync(CancellationToken cancellationToken)
    {
        // A standby takes no receipt, and what only reads needs none.
        var receipts = _session.Traits.IsStandby ? null : _receipts;
        var receipt = receipts is null ? null : await receipts.PrepareAsync(_session, cancellationToken);
        await _session.SetUpAsync(_sessionSettings, inTransaction: true, cancellationToken);
        CommitEvidence? evidence = null;
        var policy = new SingleTransactionPolicy(_session.SharesBackends);
        try
        {
            await PlayAsync(policy, stopsOnError: true, RecordEvidenceAsync, cancellationToken);
        }
        finally
        {
            _session.MayBeKept = policy.LeavesNothing;
        }

        if (evidence is null)
        {
            await RecordEvidenceAsync(cancellationToken);
        }

        await _session.LeaveAsync(notice => _journal.OnNotice(notice, owner: null), cancellationToken);

        // Reported before the commit: should this process die in it, the worker that finds the batch committed still
        // knows how far it came.
        var end = End();
        _monitor.Report(end);
        var commit = new BatchCommit(
            _session, _monitor, notice => _journal.OnNotice(notice, owner: null), evidence!, receipts);
        await commit.RunAsync(cancellationToken);
        return end;

        async Task RecordEvidenceAsync(CancellationToken token)
        {
            evidence = await CommitEvidence.TakeAsync(_session, _jobId, receipt, token);
            await _session.AwaitAsync(
                _monitor.RecordEvidenceAsync(evidence.ToJson(), token), SessionSettings.KeepAliveInterval, token);
        }
    }

    private async Task<JobProgress> RunByStatementAsync(CancellationToken cancellationToken)
    {
        if (_session.SharesBackends)
        {
            throw new JobFailedException(
                JobFailureKind.Refused, $"transaction: none needs a session of its own. {SharedBackendRules.Advice}");
        }

        var sha256 = await _script.HashAheadAsync(cancellationToken);
        if (_resume is not null && _resume.Sha256 != sha256)
        {
            throw new JobFailedException(JobFailureKind.Refused, ScriptResumption.ScriptChanged);
        }

        await _session.SetUpAsync(_sessionSettings, inTransaction: false, cancellationToken);

        // Known from the beginning, for the worker that finds the batch interrupted.
        _journal.StartAt(_resume?.Statement ?? 1);
        _monitor.Report(_journal.Progress());
        await _monitor.RecordEvidenceAsync(
            CommitEvidence.WithoutTransaction(_session.Backend).ToJson(), cancellationToken);
        await _monitor.ConfirmAsync(cancellationToken);
        var stopsOnError = _settings.OnError == OnError.Stop;
        ISendPolicy policy = stopsOnError ? new StopOnErrorPolicy() : new ContinueOnErrorPolicy();
        await PlayAsync(policy, stopsOnError, _ => Task.CompletedTask, cancellationToken);
        if (_session.Protocol.Transaction != TransactionStatus.Idle)
        {
            await _session.EndAsync();
            _journal.Undo(isAll: false);
            _monitor.Stderr("WARNING:  the script ended inside a transaction block, which is rolled back");
        }

        var end = End();
        _monitor.Report(end);
        return end;
    }

    /// <param name="policy">Of the mode.</param>
    /// <param name="stopsOnError">Whether the first error is the end.</param>
    /// <param name="beforeFirst">Done before the first statement that can have an effect.</param>
    /// <param name="cancellationToken">Stops the batch.</param>
    private async Task PlayAsync(
        ISendPolicy policy,
        bool stopsOnError,
        Func<CancellationToken, Task> beforeFirst,
        CancellationToken cancellationToken)
    {
        var protocol = _session.Protocol;
        _session.IsReset = false;
        _pipeline = new Pipeline(protocol, _journal, stopsOnError);
        _scanner.StandardConformingStrings = protocol.StandardConformingStrings;
        await using (var stop = _session.StopBy(StopMode.TerminateNow))
        {
            await using var registration = stop.BeginOn(cancellationToken);
            await new ScriptPlayer(
                _scanner, protocol, _pipeline, _journal, policy, _resumption, beforeFirst).PlayAsync(cancellationToken);
        }

        if (_resumption?.Problem is { } problem)
        {
            throw new JobFailedException(JobFailureKind.Refused, problem);
        }

        if (_script.HasChanged)
        {
            throw IsOneTransaction
                ? new JobFailedException(
                    JobFailureKind.Refused,
                    "The script was changed while it was read; run it again when it is complete.")
                : new JobFailedException(
                    JobFailureKind.Interrupted, $"The script was changed while it was read. {Effect()}");
        }

        if (_journal.FirstFailure is not null)
        {
            throw new StatementFailedException();
        }
    }

    private JobProgress End() =>
        _journal.Progress() with { StatementsTotal = _journal.Done, Sha256 = _script.WholeSha256 };

    /// <summary>Ends the session's work, and brings the progress to what is left of it.</summary>
    /// <exception cref="JobFailedException">It cannot be made sure that nothing runs any more.</exception>
    private async Task EndAsync(bool isUndone)
    {
        try
        {
            await _session.EndAsync();
        }
        finally
        {
            _journal.Undo(isAll: isUndone);
            await _script.TryReadToEndAsync();
            _monitor.Report(_journal.Progress() with { Sha256 = _script.WholeSha256 });
        }
    }

    /// <summary>Ends what was stopped, which is not done while something of it may still run.</summary>
    /// <exception cref="JobFailedException">It may: the cluster does not answer.</exception>
    private async Task EndStoppedAsync(bool isUndone)
    {
        try
        {
            await EndAsync(isUndone);
        }
        catch (JobFailedException e) when (!IsOneTransaction && _pipeline is not null)
        {
            throw new JobFailedException(e.Failure with { Message = $"{e.Failure.Message} {Effect()}" }, e);
        }
    }

    private Exception Stopped(Exception cause, CancellationToken cancellationToken) =>
        IsOneTransaction || _pipeline is null
        ? new OperationCanceledException(cause.Message, cause, cancellationToken)
        : new JobInterruptedException($"Stopped before its end. {Effect()}", cause);

    /// <summary>What of a script is in the database whose statements commit by themselves.</summary>
    private string Effect()
    {
        var first = _resume?.Statement ?? 1;
        var done = DoneStatements.Tell(first, _journal.ResumeFrom ?? first, _journal.Progress().Errors);
        var known = $"Its statements commit by themselves: {done}";
        return _session.Protocol.Unanswered is > 0 and var count
            ? $"{known}; of the next {count}, which were on their way, some may be done too."
            : $"{known}.";
    }

    /// <summary>
    /// What is to blame for an exception, or null when it is no way for a batch to end: then it is somebody else's.
    /// </summary>
    private JobFailure? FailureOf(Exception exception)
    {
        if (exception is StatementFailedException)
        {
            return _journal.ToFailure();
        }

        if (EndOf(exception) is not { } end)
        {
            return null;
        }

        // Where the first error is the end, only that nobody knows what took effect outweighs it.
        return _settings.OnError == OnError.Stop && _journal.FirstFailure is not null
            && end.Kind != JobFailureKind.OutcomeUnknown
            ? _journal.ToFailure()
            : _journal.End(end);
    }

    /// <summary>Why the script was not run to its end.</summary>
    private JobFailure? EndOf(Exception exception)
    {
        switch (exception)
        {
            case JobFailedException e:
                return e.Failure;
            case ScriptException e:
                return Unreadable(e);
            case SessionBrokenException { Cause: var cause } when ProtocolSession.IsTransportFault(cause)
                || cause is NpgsqlException:
                var place = _session.Protocol.Current is { Owner: ScriptStatement statement } current
                    ? _journal.PlaceOf(statement, current.Text.Span)
                    : ErrorPlace.None;
                var lost = PostgresErrors.ToFailure(cause, place, _session.State);
                return IsOneTransaction ? lost : lost with { Message = $"{lost.Message.TrimEnd('.')}. {Effect()}" };
            case PostgresException:
                return PostgresErrors.ToFailure(exception, ErrorPlace.None, _session.State);
            default:
                return null;
        }
    }

    private static JobFailure Unreadable(ScriptException e) => new()
    {
        Kind = JobFailureKind.Refused,
        Message = e.Message,
        Errors = [new StatementError { Line = e.Line, Column = e.Column, Message = e.Message }],
    };

    private static bool IsStop(Exception exception) => exception switch
    {
        SessionBrokenException e => PostgresErrors.IsStop(e.Cause),
        JobFailedException { InnerException: { } cause } =>
            ProtocolSession.IsTransportFault(cause) || (cause is NpgsqlException && PostgresErrors.IsStop(cause)),
        PostgresException => PostgresErrors.IsStop(exception),
        _ => false,
    };

    // psql complains, leaves the line out, and goes on with the statement it stands in.
    private void OnStrayTerminator(ScriptLocation location) =>
        _monitor.Stderr($@"ERROR:  \. ends no data here and is left out (line {location.Line})");

    /// <summary>The script was run to where its mode ends it, and the journal has what failed.</summary>
    private sealed class StatementFailedException : Exception;
}

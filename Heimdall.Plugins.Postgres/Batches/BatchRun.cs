using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Psql;
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
    private readonly ScriptFiles _files;
    private readonly ResumePoint? _resume;
    private BatchScript? _checked;
    private ScriptPlayer? _player;
    private Pipeline? _pipeline;

    public BatchRun(
        ClusterSession session,
        SessionSettings sessionSettings,
        ScriptStream script,
        ScriptFiles files,
        JobSettings settings,
        PluginJob job,
        IJobMonitor monitor,
        BatchReceipts? receipts)
    {
        (_session, _sessionSettings, _script, _settings, _jobId) = (session, sessionSettings, script, settings, job.Id);
        (_monitor, _resume, _receipts) = (monitor, job.Resume, receipts);
        _files = files;
        _journal = new BatchJournal(session, script, files, settings, monitor);
    }

    private bool IsOneTransaction => _settings.Transaction == TransactionMode.Single;

    public async Task<JobProgress> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            _checked = await CheckAsync(cancellationToken);
            return IsOneTransaction
                ? await RunInTransactionAsync(cancellationToken)
                : await RunByStatementAsync(cancellationToken);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            await EndStoppedAsync(isUndone: IsOneTransaction || _checked is null);
            throw Stopped(e, cancellationToken);
        }
        catch (Exception e) when (FailureOf(e) is { } failure)
        {
            var isUndone = _checked is null
                || (IsOneTransaction && failure.Kind != JobFailureKind.OutcomeUnknown
                    && _pipeline is not { HasCommitted: true });
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

            if (failure.Kind is JobFailureKind.Refused or JobFailureKind.Sql
                && _checked is { Check: null, HasChanged: false })
            {
                // As a script that is read twice: what is refused comes before what fails.
                failure = await FindAllRefusedAsync(cancellationToken) is { } refused
                    ? Join(refused, failure)
                    : failure;
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

        if (_player is { } player)
        {
            await player.DisposeAsync();
        }
    }

    /// <summary>
    /// Has all that is refused in the script found before anything of it runs. A script without a backslash has no
    /// command of psql's. In one transaction, and without rules, it is read once: what else is refused there is undone
    /// with all before it.
    /// </summary>
    /// <exception cref="JobFailedException">There is such.</exception>
    private async Task<BatchScript> CheckAsync(CancellationToken cancellationToken)
    {
        var place = ScriptReading.PlaceOf(_session.Pool);
        if (_session.Traits.EndsIdleSessions)
        {
            // A long script takes a while to be read, and the session waits for a command meanwhile.
            var settings = SessionSettings.ToCommands(SessionSettings.OfIdleSession, isLocal: false);
            await _session.AskAsync(cancellationToken, [.. settings.Select(setting => new Question(setting))]);
        }

        if (IsOneTransaction && _settings.Rules is null && !await _script.HasBackslashAsync(cancellationToken))
        {
            return new BatchScript(_script, _files, Check: null, _settings, place, OwnDatabase: null, Resumption: null);
        }

        var check = await RunCheckAsync(place, cancellationToken);
        if (check.Failure is { } failure)
        {
            throw new JobFailedException(failure);
        }

        if (_resume is not null && ResumePoint.HashOf(_script.Sha256, _files.Hashes) != _resume.Sha256)
        {
            throw new JobFailedException(JobFailureKind.Refused, ScriptResumption.ScriptChanged);
        }

        if (_resume is not null && check.TakesAnswers is { } what)
        {
            throw new JobFailedException(JobFailureKind.Refused, ScriptResumption.TakesAnswers(what));
        }

        _journal.CanResume = check.TakesAnswers is null ? null : false;
        var resumption = _resume is null ? null : new ScriptResumption(_resume.Statement);
        return new BatchScript(
            _script, _files, check, _settings, place, await FindOwnDatabaseAsync(check, cancellationToken), resumption);
    }

    private Task<ScriptCheck> RunCheckAsync(PsqlPlace place, CancellationToken cancellationToken) =>
        ScriptCheck.RunAsync(
            _script,
            _settings,
            _files,
            place,
            _session.Protocol.StandardConformingStrings,
            resumption: null,
            cancellationToken);

    private static JobFailure Join(JobFailure refused, JobFailure failed) => failed.Kind == JobFailureKind.Refused
        ? refused
        : refused with
        {
            Message = $"{refused.Message.TrimEnd('.')}. In the run, a statement failed first: {failed.Message}",
            Errors = [.. refused.Errors, .. failed.Errors],
        };

    /// <summary>Finds all that is refused in a script that was not checked, and has failed and been undone.</summary>
    /// <returns>Null when it is nothing, or not known.</returns>
    private async Task<JobFailure?> FindAllRefusedAsync(CancellationToken cancellationToken)
    {
        try
        {
            _script.Rewind();
            return (await RunCheckAsync(_checked!.Place, cancellationToken)).Failure;
        }
        catch (Exception e) when (e is JobFailedException or OperationCanceledException)
        {
            return null; // the first is enough
        }
    }

    /// <summary>Behind a pooler the database may have another name than the connection string says.</summary>
    private async Task<string?> FindOwnDatabaseAsync(ScriptCheck check, CancellationToken cancellationToken) =>
        check.CreatesOwnDatabase
            ? (await _session.AskAsync(cancellationToken, new Question("select pg_catalog.current_database()")))[0][0]
            : null;

    private async Task<JobProgress> RunInTransactionAsync(CancellationToken cancellationToken)
    {
        // A standby takes no receipt, and what only reads needs none.
        var receipts = _session.Traits.IsStandby ? null : _receipts;
        var receipt = receipts is null ? null : await receipts.PrepareAsync(_session, cancellationToken);
        await _session.SetUpAsync(_sessionSettings, inTransaction: true, cancellationToken);
        CommitEvidence? evidence = null;
        try
        {
            await PlayAsync(RecordEvidenceAsync, cancellationToken);
        }
        finally
        {
            _session.MayBeKept = _player is { LeavesNothing: true };
        }

        await RequireRoleAsync(() => "Nothing of it took effect.", cancellationToken);
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

        await _session.SetUpAsync(_sessionSettings, inTransaction: false, cancellationToken);

        // Known from the beginning, for the worker that finds the batch interrupted.
        _journal.StartAt(_resume?.Statement ?? 1);
        _monitor.Report(_journal.Progress());
        await _monitor.RecordEvidenceAsync(
            CommitEvidence.WithoutTransaction(_session.Backend).ToJson(), cancellationToken);
        await _monitor.ConfirmAsync(cancellationToken);
        await PlayAsync(_ => Task.CompletedTask, cancellationToken);
        if (_session.Protocol.Transaction != TransactionStatus.Idle)
        {
            await _session.EndAsync();
            _journal.Undo(isAll: false);
            _monitor.Stderr("WARNING:  the script ended inside a transaction block, which is rolled back");
        }

        await RequireRoleAsync(Effect, cancellationToken);

        var end = End();
        _monitor.Report(end);
        return end;
    }

    /// <summary>
    /// A role that the command fixes must still be the session's at the end: a script may leave it where no word of it
    /// says so, as in a DO block.
    /// </summary>
    /// <param name="effect">What of the batch is in the database.</param>
    /// <param name="cancellationToken">Stops the batch.</param>
    private async Task RequireRoleAsync(Func<string> effect, CancellationToken cancellationToken)
    {
        if (_settings.Rules is not { FixesRole: true })
        {
            return;
        }

        var answer = await _session.AskAsync(
            cancellationToken, new Question("select pg_catalog.current_setting('role')"));
        if (answer[0][0] != _settings.Role)
        {
            throw new JobFailedException(
                JobFailureKind.Refused,
                $"The script has left the role '{_settings.Role}', which its command fixes. {effect()}");
        }
    }

    /// <param name="beforeFirst">Done before the first statement that can have an effect.</param>
    /// <param name="cancellationToken">Stops the batch.</param>
    private async Task PlayAsync(Func<CancellationToken, Task> beforeFirst, CancellationToken cancellationToken)
    {
        _session.IsReset = false;
        _pipeline = new Pipeline(_session.Protocol, _journal) { StopsOnError = true };
        _player = new ScriptPlayer(_checked!, _session, _sessionSettings, _pipeline, _journal, beforeFirst);
        await using (var stop = _session.StopBy(StopMode.TerminateNow))
        {
            await using var registration = stop.BeginOn(cancellationToken);
            await _player.PlayAsync(cancellationToken);
        }

        if (_checked!.Resumption?.Problem is { } problem)
        {
            throw new JobFailedException(JobFailureKind.Refused, problem);
        }

        if (!_player.HasStopped)
        {
            // After \q there may be more, and only the whole can be compared with what was checked.
            await _session.AwaitAsync(
                ReadToEndsAsync(cancellationToken), SessionSettings.KeepAliveInterval, cancellationToken);
        }

        if (_checked.HasChanged)
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

        if (_player.HasStopped)
        {
            throw new InvalidOperationException("A script ended before its end, and no error says why.");
        }
    }

    private async Task ReadToEndsAsync(CancellationToken cancellationToken)
    {
        await _script.TryReadToEndAsync(cancellationToken);
        await _files.TryReadToEndsAsync(cancellationToken);
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
            if (_script.Sha256Ahead is null)
            {
                await _script.TryReadToEndAsync();
            }

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
        return _journal.StopsOnError && _journal.FirstFailure is not null
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
        Errors = [new StatementError { File = e.File, Line = e.Line, Column = e.Column, Message = e.Message }],
    };

    private static bool IsStop(Exception exception) => exception switch
    {
        SessionBrokenException e => PostgresErrors.IsStop(e.Cause),
        JobFailedException { InnerException: { } cause } =>
            ProtocolSession.IsTransportFault(cause) || (cause is NpgsqlException && PostgresErrors.IsStop(cause)),
        PostgresException => PostgresErrors.IsStop(exception),
        _ => false,
    };

    /// <summary>The script was run to where its mode ends it, and the journal has what failed.</summary>
    private sealed class StatementFailedException : Exception;
}

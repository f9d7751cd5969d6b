using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Connections;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Wire;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Runs one script: in one transaction, all of it or none, as <c>psql -1</c>; or statement by statement, as <c>psql -f</c>.
/// </summary>
internal sealed class BatchRunner : IAsyncDisposable
{
    /// <summary>How long the connection of a backend that has been ended may take to show it.</summary>
    private static readonly TimeSpan Courtesy = TimeSpan.FromSeconds(2);

    private readonly Session _session;
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
    private Task _stopping = Task.CompletedTask;

    public BatchRunner(Session session, ScriptStream script, JobSettings settings, PluginJob job, IJobMonitor monitor, BatchReceipts? receipts)
    {
        (_session, _script, _settings, _jobId, _monitor, _resume, _receipts) = (session, script, settings, job.Id, monitor, job.Resume, receipts);
        _resumption = _resume is null ? null : new ScriptResumption(_resume.Statement);
        _journal = new BatchJournal(session, script, settings, monitor);
        _scanner = new ScriptScanner(script, settings.Variables)
        {
            OnStrayTerminator = settings.OnError == OnError.Continue ? OnStrayTerminator : null,
        };
    }

    private bool IsOneTransaction => _settings.Transaction == TransactionMode.Single;

    public async Task<JobProgress> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            return IsOneTransaction ? await RunInTransactionAsync(cancellationToken) : await RunByStatementAsync(cancellationToken);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            await StopAsync(isUndone: IsOneTransaction);
            throw Stopped(e, cancellationToken);
        }
        catch (Exception e) when (ToFailure(e) is { } failure)
        {
            var isUndone = IsOneTransaction && failure.Kind != JobFailureKind.OutcomeUnknown && _pipeline is not { HasCommitted: true };
            await StopAfterAsync(failure, isUndone, cancellationToken);
            throw cancellationToken.IsCancellationRequested && IsStop(e) ? Stopped(e, cancellationToken) : new JobFailedException(failure with { IsUndone = isUndone }, e);
        }
    }

    private async Task StopAfterAsync(JobFailure failure, bool isUndone, CancellationToken cancellationToken)
    {
        try
        {
            await StopAsync(isUndone);
        }
        catch (JobFailedException e) when (!cancellationToken.IsCancellationRequested)
        {
            // A server that has never been sent a COMMIT, or has denied it, commits nothing, whether it can be reached or not.
            throw new JobFailedException(e.Failure with { Errors = failure.Errors, IsTransient = failure.IsTransient, IsUndone = isUndone }, e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_pipeline is { } pipeline)
        {
            if (!pipeline.IsIdle)
            {
                _session.GiveUp();
                pipeline.Abort();
            }

            await pipeline.DisposeAsync();
        }

        await _scanner.DisposeAsync();
    }

    private async Task<JobProgress> RunInTransactionAsync(CancellationToken cancellationToken)
    {
        var receipt = _receipts is null ? null : await _receipts.PrepareAsync(_session, cancellationToken);
        await _session.BeginAsync(cancellationToken);
        BatchEvidence? evidence = null;
        await PlayAsync(new SingleTransactionRoute(), stopsOnError: true, RecordEvidenceAsync, cancellationToken);
        if (evidence is null)
        {
            await RecordEvidenceAsync(cancellationToken);
        }

        // Reported before the commit: should this process die in it, whoever finds the batch committed can still tell how far it came.
        var end = End();
        _monitor.Report(end);
        _session.Connection.Notice += OnNotice;
        try
        {
            await new BatchCommit(_session, _monitor, evidence!, _receipts).RunAsync(cancellationToken);
        }
        finally
        {
            _session.Connection.Notice -= OnNotice;
        }

        return end;

        async Task RecordEvidenceAsync(CancellationToken token)
        {
            evidence = await BatchEvidence.TakeAsync(_session, _jobId, receipt, token);
            await _session.AwaitAsync(_monitor.RecordEvidenceAsync(evidence.ToJson(), token), SessionSettings.SignOfLife, token);
        }

        // Deferred triggers run in the commit.
        void OnNotice(object sender, NpgsqlNoticeEventArgs e) => _journal.OnNotice(e.Notice, statement: null);
    }

    private async Task<JobProgress> RunByStatementAsync(CancellationToken cancellationToken)
    {
        var sha256 = await _script.HashAheadAsync(cancellationToken);
        if (_resume is not null && _resume.Sha256 != sha256)
        {
            throw new JobFailedException(JobFailureKind.Refused, ScriptResumption.ScriptChanged);
        }

        // Known from the beginning, for whoever finds the batch interrupted.
        _journal.StartAt(_resume?.Statement ?? 1);
        _monitor.Report(_journal.Progress());
        await _monitor.RecordEvidenceAsync(BatchEvidence.WithoutTransaction(_session.Backend).ToJson(), cancellationToken);
        await _monitor.ConfirmAsync(cancellationToken);
        var stopsOnError = _settings.OnError == OnError.Stop;
        await PlayAsync(stopsOnError ? new StopOnErrorRoute() : new ContinueOnErrorRoute(), stopsOnError, _ => Task.CompletedTask, cancellationToken);
        if (_pipeline!.IsInBlock)
        {
            _session.Adopt(isInTransaction: true);
            await _session.StopAsync();
            _journal.Undo(isAll: false);
            _monitor.Stderr("WARNING:  the script ended inside a transaction block, which is rolled back");
        }

        var end = End();
        _monitor.Report(end);
        return end;
    }

    /// <param name="route">Of the mode.</param>
    /// <param name="stopsOnError">Whether the first error is the end.</param>
    /// <param name="beforeFirst">Done before the first statement that can have an effect.</param>
    /// <param name="cancellationToken">Stops the batch.</param>
    private async Task PlayAsync(IStatementRoute route, bool stopsOnError, Func<CancellationToken, Task> beforeFirst, CancellationToken cancellationToken)
    {
        var stream = await OpenedStream.TakeAsync(_session.Connection, cancellationToken);
        _pipeline = new Pipeline(stream, _journal, stopsOnError, _session.HasStandardStrings);
        _scanner.StandardConformingStrings = _pipeline.StandardConformingStrings;
        try
        {
            await using var stop = cancellationToken.UnsafeRegister(_ => _stopping = StopNowAsync(), null);
            await new ScriptPlayer(_scanner, _pipeline, _journal, route, _resumption, beforeFirst).PlayAsync(cancellationToken);
        }
        finally
        {
            await _stopping; // it ends the backend that is still spoken to
        }

        if (_journal.FirstFailure is not null)
        {
            throw new JobFailedException(_journal.ToFailure());
        }

        if (_resumption?.Problem is { } problem)
        {
            throw new JobFailedException(JobFailureKind.Refused, problem);
        }

        if (_script.HasChanged)
        {
            throw IsOneTransaction
                ? new JobFailedException(JobFailureKind.Refused, "The script was changed while it was read; run it again when it is complete.")
                : new JobFailedException(JobFailureKind.Interrupted, $"The script was changed while it was read. {Effect()}");
        }
    }

    private JobProgress End() => _journal.Progress() with { StatementsTotal = _journal.Done, Sha256 = _script.WholeSha256 };

    /// <summary>Ends the backend: statements are on their way to it behind the one it is at, so that asking it to cancel that one is not enough.</summary>
    private async Task StopNowAsync()
    {
        try
        {
            await _session.TerminateAsync();
            await _pipeline!.AbortAfterAsync(Courtesy);
        }
        catch (JobFailedException)
        {
            // The server cannot be reached, and so cannot be waited for. The job's end tries again, and reports it.
            _pipeline!.Abort();
        }
    }

    private async Task StopAsync(bool isUndone)
    {
        if (_pipeline is { IsIdle: false })
        {
            _session.GiveUp();
        }
        else if (_pipeline is not null)
        {
            _session.Adopt(_pipeline.IsInBlock);
        }

        await _session.StopAsync();
        _journal.Undo(isAll: isUndone);
        await _script.TryReadToEndAsync();
        _monitor.Report(_journal.Progress() with { Sha256 = _script.WholeSha256 });
    }

    private Exception Stopped(Exception cause, CancellationToken cancellationToken) => IsOneTransaction || _pipeline is null
        ? new OperationCanceledException(cause.Message, cause, cancellationToken)
        : new JobInterruptedException($"Stopped before its end. {Effect()}", cause);

    /// <summary>What of a script is in the database whose statements commit by themselves.</summary>
    private string Effect()
    {
        var first = _resume?.Statement ?? 1;
        var known = $"Its statements commit by themselves: {DoneStatements.Tell(first, _journal.ResumeFrom ?? first)}";
        return _pipeline?.Unanswered is > 0 and var count ? $"{known}; of the next {count}, which were on their way, some may be done too." : $"{known}.";
    }

    /// <summary>What is to blame for an exception, or null when it is no way for a batch to end: then it is somebody else's.</summary>
    private JobFailure? ToFailure(Exception exception)
    {
        if (_journal.FirstFailure is not null && (exception is ScriptException or JobFailedException { InnerException: null, Failure.Kind: not JobFailureKind.OutcomeUnknown }))
        {
            // The statement that failed came before whatever was found wrong further on, which is told only where the script goes on.
            if (exception is ScriptException unreadable && _settings.OnError == OnError.Continue)
            {
                _journal.Add(Unreadable(unreadable));
            }

            return _journal.ToFailure();
        }

        switch (exception)
        {
            case JobFailedException e:
                return Told(e.Failure);
            case ScriptException e:
                return Told(Unreadable(e));
            case SessionBrokenException { InnerException: { } cause }:
                _session.GiveUp();
                var place = _pipeline?.Current is var (statement, text) ? _journal.PlaceOf(statement, text.Span) : ErrorPlace.None;
                var lost = PostgresErrors.ToFailure(cause, place, _session.State);
                return Told(IsOneTransaction ? lost : lost with { Message = $"{lost.Message.TrimEnd('.')}. {Effect()}" });
            case NpgsqlException:
                return Told(PostgresErrors.ToFailure(exception, ErrorPlace.None, _session.State));
            default:
                return null;
        }
    }

    /// <summary>The first failure is the job's; only that nobody can tell what took effect outweighs it.</summary>
    private JobFailure Told(JobFailure failure)
    {
        _journal.Add(failure);
        var all = _journal.ToFailure();
        return failure.Kind == JobFailureKind.OutcomeUnknown ? failure with { Errors = all.Errors } : all;
    }

    private static JobFailure Unreadable(ScriptException e) => new()
    {
        Kind = JobFailureKind.Refused,
        Message = e.Message,
        Errors = [new StatementError { Line = e.Line, Column = e.Column, Message = e.Message }],
    };

    private static bool IsStop(Exception exception) => exception switch
    {
        SessionBrokenException { InnerException: { } cause } => PostgresErrors.IsStop(cause),
        JobFailedException { InnerException: NpgsqlException cause } => PostgresErrors.IsStop(cause),
        NpgsqlException => PostgresErrors.IsStop(exception),
        _ => false,
    };

    // psql complains, leaves the line out, and goes on with the statement it stands in.
    private void OnStrayTerminator(ScriptLocation location) =>
        _monitor.Stderr($@"ERROR:  \. ends no data here and is left out (line {location.Line})");
}

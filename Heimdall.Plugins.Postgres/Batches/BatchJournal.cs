using System.Globalization;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Psql;
using Heimdall.Plugins.Postgres.RunLogs;
using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Protocol;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Writes down what the server says of a batch's statements: counts, the run log, notices and errors.
/// </summary>
internal sealed class BatchJournal(
    ClusterSession session,
    ScriptStream script,
    ScriptFiles files,
    JobSettings settings,
    IJobMonitor monitor) : IPipelineObserver
{
    /// <summary>What to do about a statement that the server does not run within a transaction.</summary>
    public const string Hint =
        "The whole script is one transaction; with transaction: none each statement runs by itself.";

    private readonly Lock _lock = new();
    private readonly List<StatementError> _errors = [];
    private IReadOnlyList<StatementError>? _shownErrors;
    private long _done;
    private long _failed;
    private long _unlisted;
    private long _rowsAffected;
    private long? _rowsBeforeBlock;
    private long _bytesRead;
    private bool _isInBlock;
    private long _lastFailed;
    private long? _several;

    /// <summary>The first statement that failed.</summary>
    public JobFailure? FirstFailure { get; private set; }

    /// <summary>Whether the first error is the end.</summary>
    public bool StopsOnError { get; set; } = true;

    /// <summary>What the server said last of a statement. Read while all is answered.</summary>
    public LastResult LastResult { get; } = new();

    /// <summary>False of a script that cannot begin in its middle.</summary>
    public bool? CanResume { get; set; }

    /// <summary>Where the data of the current COPY began.</summary>
    public long? CopyDataLine { get; set; }

    public long Done => Volatile.Read(ref _done);

    /// <summary>How many statements failed. Read while all is answered.</summary>
    public long Failed => Volatile.Read(ref _failed);

    /// <summary>Where statements commit by themselves: the first that is not known to be done.</summary>
    public long? ResumeFrom { get; private set; }

    /// <summary>Says that statements commit by themselves from now on, beginning with this one.</summary>
    public void StartAt(long statement) => ResumeFrom = statement;

    public void ReadTo(long bytes)
    {
        Volatile.Write(ref _bytesRead, bytes);
        monitor.Report(Progress());
    }

    public void OnDone(object owner, CommandOutcome outcome, TimeSpan elapsed)
    {
        var statement = (ScriptStatement)owner;
        lock (_lock)
        {
            _done++;
            _rowsAffected += outcome.ChangesRows && !statement.CopiesOut ? outcome.Rows : 0;
            LastResult.OnDone(outcome.Rows);
            FollowBlock(statement, outcome);
        }

        if (monitor.WantsStdout)
        {
            monitor.Stdout(RunLog.Statement(statement, outcome, elapsed));
        }

        monitor.Report(Progress());
    }

    public void OnFailed(PostgresException error, object? owner, ReadOnlySpan<byte> text, bool isInCopy)
    {
        var statement = (ScriptStatement?)owner;
        if (!isInCopy)
        {
            LastResult.OnFailed(error); // of an error in the data of a COPY psql's variables say nothing
        }

        var failure = PostgresErrors.ToFailure(error, PlaceOf(statement, text), session.State);
        Add(settings switch
        {
            { Transaction: TransactionMode.Single } => failure with { Errors = [.. failure.Errors.Select(WithHint)] },

            // Where the script goes on, one statement that was out of time or refused is an error like others, and not
            // how the job ends.
            _ when !StopsOnError => failure with { Kind = JobFailureKind.Sql },
            _ => failure,
        });
        if (!StopsOnError && statement is not null)
        {
            lock (_lock)
            {
                _lastFailed = statement.Number;
                if (!_isInBlock)
                {
                    Reach(_lastFailed + 1);
                }
            }
        }
    }

    /// <summary>
    /// A COMMIT that fails, as on a deferred constraint, ends its block all the same: what follows commits by itself.
    /// One of several commands of a text may begin a block.
    /// </summary>
    public void OnReady(bool isInBlock)
    {
        lock (_lock)
        {
            if (_several is { } number)
            {
                // Only now it is known what they have done to the block.
                (_several, _isInBlock) = (null, isInBlock);
                _rowsBeforeBlock = isInBlock ? _rowsBeforeBlock ?? _rowsAffected : null;
                Reach(isInBlock ? number : number + 1);
                return;
            }

            if (!_isInBlock || isInBlock || StopsOnError)
            {
                return;
            }

            _isInBlock = false;
            _rowsAffected = _rowsBeforeBlock ?? _rowsAffected;
            _rowsBeforeBlock = null;
            Reach(_lastFailed + 1);
        }
    }

    /// <summary>Notes that a block has begun before a statement, without one that begins it.</summary>
    public void OnBlockBegun(ScriptStatement statement)
    {
        lock (_lock)
        {
            _isInBlock = true;
            _rowsBeforeBlock ??= _rowsAffected;
            Reach(statement.Number);
        }
    }

    /// <summary>Notes that the open block is rolled back, and that this statement is the next outside of it.</summary>
    public void OnBlockLost(int next)
    {
        lock (_lock)
        {
            (_isInBlock, _several) = (false, null);
            Reach(next);
        }
    }

    /// <summary>Counts a statement that is not sent because what it does is so anyway.</summary>
    public void PassOver(ScriptStatement statement, string why)
    {
        lock (_lock)
        {
            _done++;
            LastResult.OnDone(rows: 0);
            Reach(_isInBlock ? ResumeFrom ?? 1 : statement.Number + 1);
        }

        monitor.Stdout(RunLog.Command(statement.Tag, statement.Line, statement.File, why));
        monitor.Report(Progress());
    }

    /// <summary>Writes a line of the script's own into the log.</summary>
    public void Say(string line, bool isWarning)
    {
        if (isWarning)
        {
            monitor.Stderr(line);
        }
        else
        {
            monitor.Stdout(line);
        }
    }

    /// <summary>Writes into the log what is made of a command of psql's.</summary>
    public void Note(PsqlCommand command, string text) =>
        monitor.Stdout(RunLog.Command(command.Name, command.Place.Line, command.File, text));

    public void OnNotice(PostgresNotice notice) => OnNotice(notice, owner: null);

    public void OnNotice(PostgresNotice notice, object? owner)
    {
        foreach (var line in RunLog.Notice(notice, (ScriptStatement?)owner))
        {
            monitor.Stderr(line);
        }
    }

    public void Add(JobFailure failure)
    {
        lock (_lock)
        {
            _failed++;
            FirstFailure ??= failure;
            if (_errors.Count + failure.Errors.Count <= StatementError.MostKept)
            {
                _errors.AddRange(failure.Errors);
                _shownErrors = null;
            }
            else
            {
                _unlisted += failure.Errors.Count;
            }
        }

        foreach (var line in RunLog.Failure(failure))
        {
            monitor.Stderr(line);
        }

        monitor.Report(Progress());
    }

    public ErrorPlace PlaceOf(ScriptStatement? statement, ReadOnlySpan<byte> text) => statement is null
        ? ErrorPlace.None
        : new ErrorPlace
        {
            Statement = statement.Number,
            File = statement.File,
            Text = statement.IsGenerated ? "" : session.Protocol.TextEncoding.GetString(text),
            Line = statement.Line,
            Column = statement.Column,
            Splices = statement.Splices,
            DataLine = CopyDataLine,
        };

    private static StatementError WithHint(StatementError error) =>
        error.Hint is null && PostgresErrors.IsInTransaction(error)
        ? error with { Hint = Hint }
        : error;

    /// <summary>All that failed: the first, with the errors of all.</summary>
    public JobFailure ToFailure() => FirstFailure! with
    {
        IsTransient = FirstFailure!.IsTransient && _failed == 1,
        Message = _failed == 1 ? FirstFailure.Message : Tell(FirstFailure, _failed),
        Errors = [.. _errors],
    };

    /// <summary>How a script ended that was not run to its end: that comes first, then what failed before.</summary>
    public JobFailure End(JobFailure end)
    {
        var (first, failed, before) = (FirstFailure, _failed, _errors.ToArray());
        Add(end);
        return first is null
            ? end
            : end with
            {
                IsTransient = false,
                Message = $"{end.Message.TrimEnd('.')}. Before that, {Tell(first, failed)}",
                Errors = [.. end.Errors, .. before],
            };
    }

    private string Tell(JobFailure first, long failed)
    {
        var message = failed == 1
            ? $"a statement failed: {first.Message}"
            : $"{failed} statements failed; the first: {first.Message}";
        return _unlisted > 0 ? $"{message} (the first {_errors.Count} are listed)" : message;
    }

    /// <summary>What was undone is no progress: all of it, or the transaction block that is open.</summary>
    public void Undo(bool isAll)
    {
        lock (_lock)
        {
            _rowsAffected = isAll ? 0 : _rowsBeforeBlock ?? _rowsAffected;
            _rowsBeforeBlock = null;
        }
    }

    // A COMMIT of a block that has failed says ROLLBACK. What a ROLLBACK TO undoes is not followed.
    private void FollowBlock(ScriptStatement statement, CommandOutcome outcome)
    {
        if (statement.HidesControl)
        {
            _several = statement.Number;
            return;
        }

        var step = statement.Step;
        if (step is BlockStep.End or BlockStep.EndAndBegin)
        {
            _rowsAffected = outcome.Tag == "ROLLBACK" ? _rowsBeforeBlock ?? _rowsAffected : _rowsAffected;
            _rowsBeforeBlock = null;
        }

        if (step is BlockStep.Begin or BlockStep.EndAndBegin)
        {
            _rowsBeforeBlock ??= _rowsAffected;
        }

        switch (step)
        {
            case BlockStep.Begin when !_isInBlock:
                _isInBlock = true;
                Reach(statement.Number);
                break;
            case BlockStep.End or BlockStep.EndAndBegin:
                _isInBlock = step == BlockStep.EndAndBegin;
                Reach(statement.Number + 1);
                break;
            case var _ when !_isInBlock:
                Reach(statement.Number + 1);
                break;
        }
    }

    // Never back: settings that are made again stand before the first statement that is run.
    private void Reach(long statement) => ResumeFrom = ResumeFrom is { } from ? Math.Max(from, statement) : null;

    public JobProgress Progress()
    {
        lock (_lock)
        {
            _shownErrors ??= _errors.Count == 0 ? null : [.. _errors];
            return new JobProgress
            {
                Statements = _done,
                BytesRead = Volatile.Read(ref _bytesRead),
                BytesTotal = script.Length,
                RowsAffected = _rowsAffected,
                Errors = _shownErrors,
                ResumeFrom = ResumeFrom,
                Sha256 = script.Sha256Ahead,
                Files = files.Hashes,
                CanResume = CanResume,
            };
        }
    }
}

/// <summary>What psql's variables say of the statement that was answered last.</summary>
internal sealed class LastResult
{
    private const string Success = "00000";

    private long _rows;
    private string _state = Success;
    private string? _failedState;
    private string _failedMessage = "";

    public void OnDone(long rows)
    {
        _rows = rows;
        _state = Success;
    }

    public void OnFailed(PostgresException error) =>
        (_rows, _state, _failedState, _failedMessage) = (0, error.SqlState, error.SqlState, error.MessageText);

    public void SetTo(PsqlVariables variables)
    {
        variables.SetOwn(PsqlVariables.RowCount, _rows.ToString(CultureInfo.InvariantCulture));
        variables.SetOwn(PsqlVariables.SqlState, _state);
        variables.SetOwn(PsqlVariables.Error, _state == Success ? "false" : "true");
        if (_failedState is not null)
        {
            variables.SetOwn(PsqlVariables.LastErrorState, _failedState);
            variables.SetOwn(PsqlVariables.LastErrorMessage, _failedMessage);
        }
    }
}

using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Connections;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.RunLogs;
using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Wire;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>Writes down what the server says of a batch's statements: counts, the run log, notices and errors.</summary>
internal sealed class BatchJournal(Session session, ScriptStream script, bool isOneTransaction, IJobMonitor monitor) : IPipelineObserver
{
    private readonly Lock _lock = new();
    private readonly List<StatementError> _errors = [];
    private IReadOnlyList<StatementError>? _shownErrors;
    private long _done;
    private long _failed;
    private long _rowsAffected;
    private long _bytesRead;

    /// <summary>The first statement that failed.</summary>
    public JobFailure? FirstFailure { get; private set; }

    /// <summary>How the statements are written.</summary>
    public Encoding TextEncoding { get; set; } = Encoding.UTF8;

    /// <summary>Where the data of the current COPY began.</summary>
    public long? CopyDataLine { get; set; }

    public long Done => Volatile.Read(ref _done);

    public void ReadTo(long bytes)
    {
        Volatile.Write(ref _bytesRead, bytes);
        monitor.Report(Progress());
    }

    public void OnDone(ScriptStatement statement, CommandOutcome outcome, TimeSpan elapsed)
    {
        lock (_lock)
        {
            _done++;
            _rowsAffected += outcome.ChangesRows && !statement.CopiesOut ? outcome.Rows : 0;
        }

        if (monitor.WantsStdout)
        {
            monitor.Stdout(RunLog.Statement(statement, outcome, elapsed));
        }

        monitor.Report(Progress());
    }

    public void OnFailed(PostgresException error, ScriptStatement? statement, ReadOnlySpan<byte> text)
    {
        var failure = PostgresErrors.ToFailure(error, PlaceOf(statement, text), session.State);
        Add(isOneTransaction ? failure with { Errors = [.. failure.Errors.Select(WithWayOut)] } : failure);
    }

    public void OnNotice(PostgresNotice notice, ScriptStatement? statement)
    {
        foreach (var line in RunLog.Notice(notice, statement))
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
            Text = TextEncoding.GetString(text),
            Line = statement.Line,
            Column = statement.Column,
            Splices = statement.Splices,
            DataLine = CopyDataLine,
        };

    private static StatementError WithWayOut(StatementError error) => error.Hint is null && PostgresErrors.IsInTransaction(error)
        ? error with { Hint = "The whole script is one transaction; with transaction: none each statement runs by itself." }
        : error;

    /// <summary>All that failed, when the script went on behind it.</summary>
    public JobFailure ToFailure()
    {
        var first = FirstFailure!;
        var message = _failed == 1 ? first.Message : $"{_failed} statements failed; the first: {first.Message}";
        return first with { Message = _failed > _errors.Count ? $"{message} (the first {_errors.Count} are listed)" : message, Errors = [.. _errors] };
    }

    /// <summary>What was undone is no progress.</summary>
    public void Undo()
    {
        lock (_lock)
        {
            _rowsAffected = 0;
        }
    }

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
            };
        }
    }
}

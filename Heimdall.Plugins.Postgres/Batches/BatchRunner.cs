using System.Data;
using System.Diagnostics;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Connections;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.RunLogs;
using Heimdall.Plugins.Postgres.Scripts;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>Runs one script in one transaction: all of it takes effect, or none.</summary>
internal sealed class BatchRunner(Session session, ScriptStream script, Guid jobId, IJobMonitor monitor) : IAsyncDisposable
{
    private readonly ScriptScanner _scanner = new(script);
    private ScriptStatement? _current;
    private long _done;
    private long _rowsAffected;

    public async Task<JobProgress> RunAsync(CancellationToken cancellationToken)
    {
        session.Connection.Notice += OnNotice;
        try
        {
            return await RunInTransactionAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await StopAsync(isUndone: true);
            throw;
        }
        catch (Exception e) when (ToFailure(e) is { } failure)
        {
            await StopAsync(isUndone: failure.Kind != JobFailureKind.OutcomeUnknown);
            if (cancellationToken.IsCancellationRequested && e is NpgsqlException && PostgresErrors.IsStop(e))
            {
                throw new OperationCanceledException(e.Message, e, cancellationToken);
            }

            foreach (var line in RunLog.Failure(failure))
            {
                monitor.Stderr(line);
            }

            throw new JobFailedException(failure, e);
        }
        finally
        {
            session.Connection.Notice -= OnNotice;
        }
    }

    public ValueTask DisposeAsync() => _scanner.DisposeAsync();

    private async Task StopAsync(bool isUndone)
    {
        await session.StopAsync();
        _rowsAffected = isUndone ? 0 : _rowsAffected;
        monitor.Report(Progress());
    }

    private async Task<JobProgress> RunInTransactionAsync(CancellationToken cancellationToken)
    {
        var evidence = await TransactionEvidence.TakeAsync(session, jobId, cancellationToken);
        await monitor.RecordEvidenceAsync(evidence.ToJson(), cancellationToken);

        while ((_current = await _scanner.ReadAsync(cancellationToken)) is { } statement)
        {
            await RunStatementAsync(statement, cancellationToken);
            monitor.Report(Progress());
        }

        // Reported before the commit: should this process die in it, whoever finds the batch committed can still tell how far it came.
        var end = Progress() with { StatementsTotal = _done, Sha256 = script.Sha256 };
        monitor.Report(end);
        await new BatchCommit(session, jobId, monitor, evidence).RunAsync(cancellationToken);
        return end;
    }

    private async Task RunStatementAsync(ScriptStatement statement, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var rows = statement.Kind switch
        {
            ScriptStatementKind.TransactionControl => throw Refused(statement, $"{statement.Tag} is not allowed: the whole script is one transaction, which Heimdall commits at its end (SAVEPOINT is allowed)."),
            ScriptStatementKind.OutsideTransaction => throw Refused(statement, $"{statement.Tag} cannot run inside a transaction, and the whole script is one; run it as a job of its own with return_result: true."),
            ScriptStatementKind.CopyFromStdin or ScriptStatementKind.CopyToStdout when CopyOptions.Of(statement.Text).IsBinary =>
                throw Refused(statement, "binary COPY is not possible in a script, which is text; use the text or the CSV format."),
            ScriptStatementKind.CopyFromStdin => await CopyInAsync(statement, cancellationToken),
            ScriptStatementKind.CopyToStdout => await CopyOutAsync(statement, cancellationToken),
            _ => await ExecuteAsync(statement, cancellationToken),
        };
        _done++;
        monitor.Stdout(RunLog.Statement(statement, rows, Stopwatch.GetElapsedTime(started)));

        // The script may have changed how its own strings are to be read.
        _scanner.StandardConformingStrings = VerbatimCommand.HasStandardStrings(session.Connection);
    }

    private async Task<long> ExecuteAsync(ScriptStatement statement, CancellationToken cancellationToken)
    {
        await using var command = VerbatimCommand.Create(session.Connection, statement.Text);
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        long rows = 0;
        while (await reader.ReadAsync(cancellationToken))
        {
            rows++;
        }

        await reader.CloseAsync();
        var affected = Math.Max(0, reader.RecordsAffected);

        // Npgsql gives a count for what changes rows, and for MOVE, which changes none.
        _rowsAffected += statement.Tag == "MOVE" ? 0 : affected;
        return Math.Max(rows, affected);
    }

    private async Task<long> CopyInAsync(ScriptStatement statement, CancellationToken cancellationToken)
    {
        var rows = await new BatchCopy(session, _scanner).InAsync(statement, () => monitor.Report(Progress()), cancellationToken);
        _rowsAffected += rows;
        return rows;
    }

    private async Task<long> CopyOutAsync(ScriptStatement statement, CancellationToken cancellationToken)
    {
        await new BatchCopy(session, _scanner).OutAsync(statement, cancellationToken);
        return 0;
    }

    private JobProgress Progress() => new()
    {
        Statements = _done,
        BytesRead = _scanner.BytesRead,
        BytesTotal = script.Length,
        RowsAffected = _rowsAffected,
    };

    /// <summary>What is to blame for an exception, or null when it is no way for a batch to end: then it is somebody else's.</summary>
    private JobFailure? ToFailure(Exception exception) => exception switch
    {
        JobFailedException e => e.Failure,
        ScriptException e => new JobFailure
        {
            Kind = JobFailureKind.Refused,
            Message = e.Message,
            Errors = [new StatementError { Line = e.Line, Column = e.Column, Message = e.Message }],
        },
        NpgsqlException or PlaceholderException => PostgresErrors.ToFailure(exception, PlaceOf(_current), session.State),
        _ => null,
    };

    private static ErrorPlace PlaceOf(ScriptStatement? statement) => statement is null
        ? ErrorPlace.None
        : new ErrorPlace { Statement = statement.Number, Text = statement.Text, Line = statement.Line, Column = statement.Column };

    private static JobFailedException Refused(ScriptStatement statement, string message) => new(new JobFailure
    {
        Kind = JobFailureKind.Refused,
        Message = $"Line {statement.Line}: {message}",
        Errors = [new StatementError { Statement = statement.Number, Line = statement.Line, Column = statement.Column, Message = message }],
    });

    private void OnNotice(object sender, NpgsqlNoticeEventArgs e)
    {
        foreach (var line in RunLog.Notice(e.Notice, _current))
        {
            monitor.Stderr(line);
        }
    }
}

using System.Diagnostics;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Connections;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.RunLogs;
using Heimdall.Plugins.Postgres.Wire;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// Runs one query and streams its rows. It runs in a transaction of its own, which is committed when the last row is written: whatever
/// ends it before has undone it. Of one that by its words only reads the COMMIT is sent along; should its reader be gone in the moment
/// after, it has failed, and what a function that it calls has written stays. The few statements that cannot run so commit by themselves,
/// and then only the server's answer counts.
/// </summary>
internal sealed partial class QueryRunner
{
    private readonly QuerySession _session;
    private readonly SessionSettings _settings;
    private readonly JobSettings _context;
    private readonly QueryText _query;
    private readonly IResultWriter _results;
    private readonly IJobMonitor _monitor;
    private readonly RowSink _rows;
    private readonly long _started = Stopwatch.GetTimestamp();

    public QueryRunner(QuerySession session, SessionSettings settings, JobSettings context, QueryText query, IResultWriter results, IJobMonitor monitor)
    {
        (_session, _settings, _context, _query, _results, _monitor) = (session, settings, context, query, results, monitor);
        _rows = new RowSink(results, context.RowLimit, context.ByteLimit);
    }

    /// <summary>What is recorded of a queued query before it is sent; null within a request.</summary>
    public string? Evidence { get; init; }

    /// <summary>
    /// Whether the store is asked, before the statement is sent, if the job is still this attempt's. The session bears its name by then, and
    /// a queued job's is on record: whoever takes the job over ends it first.
    /// </summary>
    private bool IsFenced => !_context.ReadOnly && !(Evidence is null && _query.Reads);

    private bool CommitsByItself => !_query.IsTransactional && !_context.ReadOnly;

    private bool CanBeCutShort => _context.ReadOnly || _query.Reads;

    private SessionState State(bool isAlive) => new(isAlive, _settings.StatementTimeout is { } timeout && Stopwatch.GetElapsedTime(_started) >= timeout);

    /// <exception cref="JobFailedException">The query failed, or its rows were not all read when it had taken effect.</exception>
    /// <exception cref="OperationCanceledException">It was stopped, and took no effect.</exception>
    public async Task<JobProgress> RunAsync(CancellationToken cancellationToken)
    {
        var types = await PrepareAsync(() => ParameterTypes.ResolveAsync(_query.Parameters, _context.SearchPath, _session, cancellationToken), cancellationToken);
        long? transaction = CommitsByItself
            ? await PrepareAsync(async () => await NextTransactionAsync(cancellationToken), cancellationToken)
            : null;
        var stop = new QueryStop(_session);
        var writeToken = CommitsByItself ? CancellationToken.None : cancellationToken;

        // What commits by itself has perhaps done so by now: its few rows are written whoever calls stop, and the server says how it ended.
        using var exchange = new QueryExchange(_session.Stream, _rows, OnNotice)
        {
            OnColumns = columns => StartAsync(columns, writeToken),
            OnCut = () => OnCut(stop),
            WriteToken = writeToken,
        };
        try
        {
            await using (stop)
            {
                await using var registration = cancellationToken.UnsafeRegister(state => ((QueryStop)state!).Begin(), stop);
                _session.Condition = SessionCondition.Lost; // until all is answered
                await TalkAsync(exchange, types, transaction, stop, cancellationToken);
                return await ConcludeAsync(exchange, transaction, cancellationToken);
            }
        }
        catch (SessionBrokenException e)
        {
            _session.Condition = SessionCondition.Lost;
            var cause = e.InnerException!;

            // It ended after it had done all that was asked of it: with the wipe, or because a limit had it stopped.
            if ((exchange.HasCommitted && !_rows.IsClosed) || (_rows.IsCut && CanBeCutShort && cause is PostgresException && PostgresErrors.IsStop(cause)))
            {
                await TryStopAsync();
                return Conclude(exchange);
            }

            throw await OnBrokenAsync(exchange, cause, cancellationToken);
        }
    }

    /// <summary>A question before the query, through Npgsql.</summary>
    private async Task<T> PrepareAsync<T>(Func<ValueTask<T>> askAsync, CancellationToken cancellationToken)
    {
        try
        {
            return await askAsync();
        }
        catch (NpgsqlException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new JobFailedException(PostgresErrors.ToFailure(e, ErrorPlace.None, State(isAlive: false)), e);
        }
    }

    /// <summary>Sends all that can be sent ahead, and reads the answers.</summary>
    private async Task TalkAsync(QueryExchange exchange, uint[] types, long? transaction, QueryStop stop, CancellationToken cancellationToken)
    {
        var isFencing = false;
        try
        {
            AddOpening(exchange);
            var mustAsk = types.Where((type, i) => type == ParameterTypes.Inferred && ParameterText.DependsOnType(_query.Parameters[i].Value)).Any();
            if (mustAsk)
            {
                AddDescription(exchange, types);
            }

            // What must not be in a transaction must not be in that of the set-up, nor run if that has failed.
            if (mustAsk || CommitsByItself || IsFenced)
            {
                AddSync(exchange);
                await exchange.SendAsync();
                await RestAsync(exchange);
                if (exchange.Failure is not null)
                {
                    return;
                }
            }

            if (IsFenced)
            {
                isFencing = true; // nothing is on its way, and nothing has happened
                await (Evidence is null ? _monitor.ConfirmAsync(cancellationToken) : _monitor.RecordEvidenceAsync(Evidence, cancellationToken));
                isFencing = false;
            }

            if (!mustAsk)
            {
                AddDescription(exchange, types);
            }

            AddExecution(exchange, types, exchange.ParameterTypes ?? []);
            if (!CommitsByItself && CanBeCutShort && _query.TakesEffect)
            {
                AddCommit(exchange);
                AddSync(exchange);
                AddWipe(exchange);
            }
            else
            {
                AddSync(exchange);
            }

            await exchange.SendAsync();
            await RestAsync(exchange);
        }
        catch (Exception e) when (e is not SessionBrokenException && !isFencing)
        {
            // The writer of the rows cannot go on, or its reader is gone: nobody wants the rest.
            _rows.IsClosed = true;
            stop.Begin();
            var broken = await TryRestAsync(exchange);
            if (e is not OperationCanceledException canceled)
            {
                throw;
            }

            if (CommitsByItself && exchange.Outcome is not null && broken is null)
            {
                return; // it is done, whoever reads what it says
            }

            if (await OnUnreadAsync(exchange, broken, transaction, canceled) is { } failure)
            {
                throw failure;
            }

            throw;
        }
    }

    /// <returns>How the session broke, if it did.</returns>
    private async Task<Exception?> TryRestAsync(QueryExchange exchange)
    {
        try
        {
            await RestAsync(exchange);
            return null;
        }
        catch (SessionBrokenException e)
        {
            _session.Condition = SessionCondition.Lost;
            await TryStopAsync();
            return e.InnerException;
        }
    }

    /// <summary>Reads all that is still to come.</summary>
    private async Task RestAsync(QueryExchange exchange)
    {
        while (!exchange.IsIdle)
        {
            await exchange.ReadUntilReadyAsync();
        }

        _session.Condition = exchange.IsClean ? SessionCondition.Clean : exchange.IsInTransaction ? SessionCondition.InTransaction : SessionCondition.Idle;
    }

    /// <summary>Decides what has become of the query, and commits it if that is still to be done.</summary>
    private async Task<JobProgress> ConcludeAsync(QueryExchange exchange, long? transaction, CancellationToken cancellationToken)
    {
        if (exchange.Refusal is { } refusal)
        {
            throw new JobFailedException(JobFailureKind.Refused, refusal);
        }

        var wasCutShort = _rows.IsCut && CanBeCutShort;
        if (exchange.Failure is { } failure && !(wasCutShort && PostgresErrors.IsCanceled(failure.Error)))
        {
            throw await OnFailedAsync(exchange, failure, transaction, cancellationToken);
        }

        if (!_rows.HasStarted)
        {
            await _results.StartAsync([], exchange.WriteToken);
        }

        if (!CommitsByItself && !CanBeCutShort && _query.TakesEffect)
        {
            await CommitAsync(exchange, cancellationToken);
        }

        return Conclude(exchange);
    }

    private JobProgress Conclude(QueryExchange exchange)
    {
        var progress = new JobProgress
        {
            RowCount = _rows.Rows,
            Truncated = _rows.IsCut,
            RowsAffected = exchange.Outcome is { ChangesRows: true } outcome && !exchange.HasCopiedOut ? outcome.Rows : null,
        };
        _monitor.Report(progress);
        return progress;
    }

    private async Task CommitAsync(QueryExchange exchange, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        AddDurability(exchange);
        AddCommit(exchange);
        AddSync(exchange);
        AddWipe(exchange);
        try
        {
            await exchange.SendAsync();
            await RestAsync(exchange);
        }
        catch (SessionBrokenException e) when (!exchange.HasCommitted && !PostgresErrors.IsUndone(e.InnerException!))
        {
            _session.Condition = SessionCondition.Lost;
            await TryStopAsync();
            throw new JobFailedException(JobFailureKind.OutcomeUnknown, BrokenCommit, e);
        }

        if (exchange.Failure is { } failure)
        {
            throw await OnFailedAsync(exchange, failure, transaction: null, cancellationToken);
        }
    }

    private async ValueTask StartAsync((string Name, uint Type)[] columns, CancellationToken cancellationToken)
    {
        var described = await ColumnTypes.DescribeAsync(columns, _context.Numbers == NumberForm.String, _session, cancellationToken);
        await _rows.StartAsync(described, columns.Select(column => column.Type), cancellationToken);
    }

    private void OnCut(QueryStop stop)
    {
        if (CanBeCutShort)
        {
            stop.Begin();
        }
    }

    private void OnNotice(PostgresNotice notice)
    {
        foreach (var line in RunLog.Notice(notice, statement: null))
        {
            _monitor.Stderr(line);
        }
    }
}

using System.Diagnostics;
using System.Text;
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
/// ends it before has undone it. Of one that by its words only reads the COMMIT is sent along; should its reader be gone in the moment after, what
/// a function that it calls has written stays. The few statements that
/// cannot run so commit by themselves, and then only the server's answer counts.
/// </summary>
internal sealed class QueryRunner
{
    private static readonly byte[] Begin = "begin"u8.ToArray();
    private static readonly byte[] BeginReadOnly = "begin read only"u8.ToArray();
    private static readonly byte[] Commit = "commit"u8.ToArray();
    private static readonly byte[] Wipe = "discard all"u8.ToArray();

    // In the order of the arrays: the role comes last, for it may not be allowed to set the others.
    private static readonly byte[] SetUp = "select set_config(name, value, false) from unnest($1::text[], $2::text[]) as setting (name, value)"u8.ToArray();

    private const string OwnTransaction =
        "select split_part(virtualxid, '/', 2)::bigint from pg_locks where locktype = 'virtualxid' and pid = pg_backend_pid()";

    private static readonly TimeSpan QuestionPatience = TimeSpan.FromSeconds(2);

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

    private bool CommitsByItself => !_query.IsTransactional && !_context.ReadOnly;

    private bool CanBeCutShort => _context.ReadOnly || _query.Reads;

    private SessionState State(bool isAlive) => new(isAlive, _settings.StatementTimeout is { } timeout && Stopwatch.GetElapsedTime(_started) >= timeout);

    /// <exception cref="JobFailedException">The query failed.</exception>
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
                await TalkAsync(exchange, types, stop);
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

            throw await OnBrokenAsync(cause, cancellationToken);
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
    private async Task TalkAsync(QueryExchange exchange, uint[] types, QueryStop stop)
    {
        try
        {
            AddOpening(exchange);
            var mustAsk = types.Where((type, i) => type == ParameterTypes.Inferred && ParameterText.DependsOnType(_query.Parameters[i].Value)).Any();
            if (mustAsk)
            {
                AddDescription(exchange, types);
            }

            // What must not be in a transaction must not be in that of the set-up, nor run if that has failed.
            if (mustAsk || CommitsByItself)
            {
                AddSync(exchange);
                await exchange.SendAsync();
                await RestAsync(exchange);
                if (exchange.Failure is not null)
                {
                    return;
                }
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
        catch (Exception e) when (e is not SessionBrokenException)
        {
            // The writer of the rows cannot go on, or its reader is gone: nobody wants the rest.
            _rows.IsClosed = true;
            stop.Begin();
            if (await TryRestAsync(exchange) && CommitsByItself && exchange.Outcome is not null && e is OperationCanceledException)
            {
                return; // it is done, whoever reads what it says
            }

            throw;
        }
    }

    private async Task<bool> TryRestAsync(QueryExchange exchange)
    {
        try
        {
            await RestAsync(exchange);
            return true;
        }
        catch (SessionBrokenException)
        {
            _session.Condition = SessionCondition.Lost;
            await TryStopAsync();
            return false;
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
            throw new JobFailedException(
                JobFailureKind.OutcomeUnknown,
                "The connection to the cluster broke during the commit of the query, and whether it took effect cannot be told.",
                e);
        }

        if (exchange.Failure is { } failure)
        {
            throw await OnFailedAsync(exchange, failure, transaction: null, cancellationToken);
        }
    }

    private async Task<Exception> OnFailedAsync(
        QueryExchange exchange, (PostgresException Error, QueryStep Step) failure, long? transaction, CancellationToken cancellationToken)
    {
        var error = failure.Error;
        if (cancellationToken.IsCancellationRequested && PostgresErrors.IsStop(error))
        {
            return CommitsByItself && await HasCommittedOnItsWayAsync(transaction)
                ? Unknown(error)
                : new OperationCanceledException(error.Message, error, cancellationToken);
        }

        if (exchange.ParameterTypes is { } types && types.Length != _query.Parameters.Count && PostgresErrors.IsWrongParameterCount(error))
        {
            return types.Length > _query.Parameters.Count
                ? new JobFailedException(PostgresErrors.NoParameter(_query.Parameters.Count + 1, _query.Place), error)
                : new JobFailedException(JobFailureKind.Refused, $"parameters: {_query.Parameters.Count} are given, and the query uses {types.Length}.", error);
        }

        var place = failure.Step is QueryStep.Begin or QueryStep.SetUp ? ErrorPlace.None : _query.Place;
        return new JobFailedException(PostgresErrors.ToFailure(error, place, State(isAlive: true)), error);
    }

    /// <summary>Ends the backend where that can be done; where not, what is known of the query is known all the same.</summary>
    private async Task TryStopAsync()
    {
        try
        {
            await _session.StopAsync();
        }
        catch (JobFailedException)
        {
            // client_connection_check_interval ends the backend of a dead connection within a second.
        }
    }

    /// <param name="cause">What the server said last, or how the connection broke.</param>
    /// <param name="cancellationToken">Whether somebody has stopped the query.</param>
    private async Task<Exception> OnBrokenAsync(Exception cause, CancellationToken cancellationToken)
    {
        if (CommitsByItself)
        {
            await TryStopAsync();
            return Unknown(cause);
        }

        await _session.StopAsync();

        if (cancellationToken.IsCancellationRequested && PostgresErrors.IsStop(cause))
        {
            return new OperationCanceledException(cause.Message, cause, cancellationToken);
        }

        var failure = PostgresErrors.ToFailure(cause, _query.Place, State(isAlive: false));

        // Its COMMIT was on its way. The server's own word would be certain.
        var mayHaveCommitted = !_context.ReadOnly && CanBeCutShort && cause is not PostgresException;
        return new JobFailedException(
            mayHaveCommitted ? failure with { Message = $"{failure.Message} Should the query have called a function that writes, that may have taken effect." } : failure, cause);
    }

    private JobFailedException Unknown(Exception cause) => new(
        JobFailureKind.OutcomeUnknown,
        $"{_query.Tag} commits by itself; it was ended before it was done, and what of it took effect cannot be told.",
        cause);

    /// <summary>The number of the transaction that this question runs in: a session counts its transactions, each by one.</summary>
    private async Task<long> NextTransactionAsync(CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(OwnTransaction, _session.Connection);
        return await command.ExecuteScalarAsync(cancellationToken) as long? ?? 0;
    }

    /// <summary>If the statement had one transaction, the next is the one after it; the set-up has had one of its own.</summary>
    private async Task<bool> HasCommittedOnItsWayAsync(long? before)
    {
        if (before is null)
        {
            return false;
        }

        try
        {
            using var patience = new CancellationTokenSource(QuestionPatience);
            return await NextTransactionAsync(patience.Token) > before + 3;
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
        {
            return true;
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

    private void AddOpening(QueryExchange exchange)
    {
        if (!CommitsByItself)
        {
            // It comes first: after a query, which the set-up is, nothing makes a read-only transaction writable again.
            exchange.Outgoing.Run(_context.ReadOnly ? BeginReadOnly : Begin);
            exchange.Expect(QueryStep.Begin);
        }

        var values = _session.ChecksClient
            ? _settings.Values.Prepend(new("client_connection_check_interval", "1s")).ToArray()
            : _settings.Values;
        exchange.Outgoing.Parse(SetUp);
        exchange.Outgoing.Bind([ToArray(values.Select(value => value.Key)), ToArray(values.Select(value => value.Value))]);
        exchange.Outgoing.Execute();
        exchange.Expect(QueryStep.SetUp);
    }

    private void AddDescription(QueryExchange exchange, uint[] types)
    {
        // A type that is declared makes a parameter, even one that the query does not use: the server is told of those only that have one.
        exchange.Outgoing.Parse(Encoding.UTF8.GetBytes(_query.Sql), types.AsSpan().TrimEnd(ParameterTypes.Inferred));
        exchange.Outgoing.Describe();
        exchange.Expect(QueryStep.Description);
    }

    /// <param name="exchange">Where to.</param>
    /// <param name="types">As the parameters declare them.</param>
    /// <param name="told">As the server has inferred them, where it was asked.</param>
    private void AddExecution(QueryExchange exchange, uint[] types, uint[] told)
    {
        exchange.Outgoing.Bind([.. _query.Parameters.Select((parameter, i) => ParameterText.Write(parameter.Value, TypeOf(i, types, told)))]);
        exchange.Outgoing.Execute();
        exchange.Expect(QueryStep.Statement);
    }

    // Only a value whose text depends on it goes by what was told: the others must not change with the parameters beside them.
    private uint TypeOf(int parameter, uint[] types, uint[] told) =>
        types[parameter] == ParameterTypes.Inferred && parameter < told.Length && ParameterText.DependsOnType(_query.Parameters[parameter].Value)
            ? told[parameter]
            : types[parameter];

    private static void AddCommit(QueryExchange exchange)
    {
        exchange.Outgoing.Run(Commit);
        exchange.Expect(QueryStep.Commit);
    }

    private static void AddSync(QueryExchange exchange)
    {
        exchange.Outgoing.Sync();
        exchange.Expect(QueryStep.Sync);
    }

    private static void AddWipe(QueryExchange exchange)
    {
        exchange.Outgoing.Query(Wipe);
        exchange.Expect(QueryStep.Wipe);
    }

    private static byte[] ToArray(IEnumerable<string> texts) => Encoding.UTF8.GetBytes(
        $"{{{string.Join(',', texts.Select(text => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\""))}}}");
}

using System.Data;
using System.Text.RegularExpressions;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Connections;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.RunLogs;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// Runs one query and streams its rows. It runs in a transaction of its own, which is committed when the last row is written: whatever
/// ends it before has undone it. The few statements that cannot run so commit by themselves, and then only the server's answer counts.
/// </summary>
internal sealed partial class QueryRunner(Session session, JobSettings context, QueryText query, IResultWriter results, IJobMonitor monitor)
{
    private static readonly TimeSpan CancelPatience = TimeSpan.FromSeconds(2);

    private readonly WatchedResultWriter _results = new(results);
    private long? _transactionNumber;
    private bool _isCutShort;

    private bool CommitsByItself => !query.IsTransactional && !context.ReadOnly;

    public async Task<JobProgress> RunAsync(CancellationToken cancellationToken)
    {
        session.Connection.Notice += OnNotice;
        try
        {
            _transactionNumber = CommitsByItself && query.CommitsOnItsWay ? await session.NextTransactionAsync(cancellationToken) : null;
            var progress = await ExecuteAsync(cancellationToken);
            if (!CommitsByItself && !_isCutShort && query.TakesEffect)
            {
                await CommitAsync(cancellationToken);
            }

            monitor.Report(progress);
            return progress;
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            await MakeSureAsync(e);
            throw;
        }
        catch (Exception e) when (!_results.IsInside && e is NpgsqlException or PlaceholderException)
        {
            if (cancellationToken.IsCancellationRequested && PostgresErrors.IsStop(e))
            {
                await MakeSureAsync(e);
                throw new OperationCanceledException(e.Message, e, cancellationToken);
            }

            if (CommitsByItself && e is NpgsqlException && !PostgresErrors.IsUndone(e))
            {
                await MakeSureAsync(e);
            }

            await session.StopAsync();
            throw new JobFailedException(PostgresErrors.ToFailure(e, query.Place, session.State), e);
        }
        finally
        {
            session.Connection.Notice -= OnNotice;
        }
    }

    /// <summary>Makes sure that a query that was stopped runs no more and took no effect.</summary>
    /// <exception cref="JobFailedException">It may have taken effect.</exception>
    private async Task MakeSureAsync(Exception end)
    {
        if (!CommitsByItself)
        {
            await session.StopAsync();
            return;
        }

        var isUndone = session.IsAlive && !await HasCommittedOnItsWayAsync();
        await session.StopAsync();
        if (!isUndone)
        {
            throw new JobFailedException(
                JobFailureKind.OutcomeUnknown,
                $"{query.Tag} commits by itself; it was ended before it was done, and what of it took effect cannot be told.",
                end);
        }
    }

    /// <summary>A session numbers its transactions: if the statement had one, the next is the one after it.</summary>
    private async Task<bool> HasCommittedOnItsWayAsync()
    {
        if (_transactionNumber is not { } before)
        {
            return false;
        }

        try
        {
            using var patience = new CancellationTokenSource(CancelPatience);
            return await session.NextTransactionAsync(patience.Token) > before + 2;
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
        {
            return true;
        }
    }

    private async Task CommitAsync(CancellationToken cancellationToken)
    {
        try
        {
            await session.CommitAsync(cancellationToken);
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException && !session.IsAlive && !context.ReadOnly && !PostgresErrors.IsUndone(e))
        {
            await session.StopAsync();
            throw new JobFailedException(
                JobFailureKind.OutcomeUnknown,
                "The connection to the cluster broke during the commit of the query, and whether it took effect cannot be told.",
                e);
        }
    }

    private async Task<JobProgress> ExecuteAsync(CancellationToken cancellationToken)
    {
        await using var command = VerbatimCommand.Create(session.Connection, query.Sql);
        var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);

        // What commits by itself has perhaps done so by now: its few rows are written whoever calls stop, and the server says how it ended.
        await using var stop = CommitsByItself ? cancellationToken.UnsafeRegister(state => ((NpgsqlCommand)state!).Cancel(), command) : default;
        cancellationToken = CommitsByItself ? CancellationToken.None : cancellationToken;
        var isRead = false;
        try
        {
            await _results.StartAsync(await ColumnTypes.DescribeAsync(reader, session, cancellationToken), cancellationToken);
            using var rows = new RowStream(reader, _results);
            var truncated = await rows.CopyAsync(context.RowLimit ?? long.MaxValue, cancellationToken);
            if (truncated && !CanBeCutShort)
            {
                await DrainAsync(reader, cancellationToken);
            }

            _isCutShort = truncated && CanBeCutShort;
            isRead = !_isCutShort;
            if (isRead)
            {
                await reader.CloseAsync();
            }

            return new JobProgress
            {
                RowCount = rows.Rows,
                Truncated = truncated,
                RowsAffected = isRead && reader.RecordsAffected >= 0 ? reader.RecordsAffected : null,
            };
        }
        catch (Exception e) when (!_results.IsInside && e is NpgsqlException or OperationCanceledException { InnerException: NpgsqlException })
        {
            // The server has spoken its last word on the statement: a further cancel would only be waited for in vain.
            isRead = true;
            throw;
        }
        finally
        {
            await CloseAsync(command, reader, isRead);
        }
    }

    /// <summary>
    /// Cancelling a statement undoes what it wrote. So only what reads is cut short at the row limit; of anything else the rest of
    /// the rows is read and dropped. (What a function wrote that a cut-short SELECT had called is undone.)
    /// </summary>
    private bool CanBeCutShort => context.ReadOnly || (query.IsTransactional && Reading().IsMatch(query.Tag) && !Writing().IsMatch(query.Sql));

    private static async Task DrainAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        while (await reader.ReadAsync(cancellationToken))
        {
        }
    }

    /// <summary>Closing a reader reads all that is left, however long that takes: what is not wanted is cancelled first.</summary>
    private async Task CloseAsync(NpgsqlCommand command, NpgsqlDataReader reader, bool isRead)
    {
        if (isRead || !session.IsAlive)
        {
            await reader.DisposeAsync();
            return;
        }

        command.Cancel();

        // On a thread of its own: while rows keep coming it never has to wait, and so would not come back.
        var closing = Task.Run(async () => await reader.DisposeAsync());
        try
        {
            await closing.WaitAsync(CancelPatience);
        }
        catch (TimeoutException)
        {
            await session.TerminateAsync();
            await closing.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
        {
            // The answer to the cancel.
        }
    }

    private void OnNotice(object sender, NpgsqlNoticeEventArgs e)
    {
        foreach (var line in RunLog.Notice(e.Notice, statement: null))
        {
            monitor.Stderr(line);
        }
    }

    [GeneratedRegex("^(SELECT|WITH|TABLE|VALUES|SHOW|EXPLAIN)")]
    private static partial Regex Reading();

    [GeneratedRegex(@"\b(insert|update|delete|merge|into|analy[sz]e)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Writing();
}

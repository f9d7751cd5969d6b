using Heimdall.Core.Database;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Jobs;

/// <summary>
/// Ends of inline queries that have been committed and answered, and may not be on disk yet. Each is kept until it is
/// known to be there; what the store has lost in a crash is written again.
/// </summary>
internal sealed partial class UnflushedEnds(StoreDatabase database, Func<Ending, Task<Job?>> writeAsync, ILogger logger)
    : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>How long the process waits for the store when it stops.</summary>
    private static readonly TimeSpan LastLimit = TimeSpan.FromSeconds(2);

    /// <summary>The oldest are dropped when the store commits this many but cannot be asked for them.</summary>
    private const int MostKept = 100_000;

    // What is visible here was committed before this transaction: once this one is on disk, so are those.
    private const string FindSql = """
        select job.id from unnest($1, $2) as ended (id, attempt)
            join job on job.id = ended.id and job.attempt = ended.attempt
        where (job.status in ('SUCCEEDED', 'FAILED', 'CANCELED', 'KILLED')) is true
        """;

    private const string FlushSql = "select pg_logical_emit_message(true, 'heimdall', '')";

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private List<(Ending Ending, Job Ended)> _ends = [];
    private Task _checking = Task.CompletedTask;

    /// <param name="ending">What was written.</param>
    /// <param name="ended">The job, as its caller was answered.</param>
    public void Add(Ending ending, Job ended)
    {
        lock (_lock)
        {
            _ends.Add((ending, ended));
            if (_checking.IsCompleted)
            {
                using (ExecutionContext.SuppressFlow()) // it outlives the request of its first end
                {
                    _checking = Task.Run(CheckAsync);
                }
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _checking.WaitAsync(LastLimit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task CheckAsync()
    {
        while (true)
        {
            // One last time without a wait when the process stops.
            await Task.Delay(Interval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var ends = Take();
            if (!await TryFlushAsync(ends))
            {
                PutBack(ends);
            }
            lock (_lock)
            {
                if (_stop.IsCancellationRequested && _ends.Count > 0)
                {
                    LogUnknown(logger, _ends.Count);
                }
                if (_stop.IsCancellationRequested || _ends.Count == 0)
                {
                    _checking = Task.CompletedTask;
                    return;
                }
            }
        }
    }

    /// <returns>False when it must be tried again, with the same ends.</returns>
    private async Task<bool> TryFlushAsync(List<(Ending Ending, Job Ended)> ends)
    {
        try
        {
            var onDisk = await FlushAsync(ends);
            foreach (var (ending, ended) in ends.Where(end => !onDisk.Contains(end.Ending.JobId)))
            {
                await RestoreAsync(ending, ended);
            }
            return true;
        }
        catch (NpgsqlException exception) when (StoreRetry.IsAway(exception))
        {
            return false;
        }
        catch (Exception exception)
        {
            LogBroken(logger, exception, ends.Count);
            return false;
        }
    }

    private List<(Ending Ending, Job Ended)> Take()
    {
        lock (_lock)
        {
            (var ends, _ends) = (_ends, []);
            return ends;
        }
    }

    private void PutBack(List<(Ending Ending, Job Ended)> ends)
    {
        var tooMany = 0;
        lock (_lock)
        {
            _ends.InsertRange(0, ends);
            tooMany = _ends.Count - MostKept;
            if (tooMany > 0)
            {
                _ends.RemoveRange(0, tooMany);
            }
        }
        if (tooMany > 0)
        {
            LogUnknown(logger, tooMany);
        }
    }

    /// <returns>The jobs whose ends are on disk.</returns>
    private async Task<HashSet<Guid>> FlushAsync(List<(Ending Ending, Job Ended)> ends)
    {
        await using var connection = await database.Lifeline.OpenConnectionAsync();
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand(FindSql)
                {
                    Parameters =
                    {
                        new NpgsqlParameter<Guid[]> { TypedValue = [.. ends.Select(end => end.Ending.JobId)] },
                        new NpgsqlParameter<int[]> { TypedValue = [.. ends.Select(end => end.Ending.Attempt)] },
                    },
                },
                new NpgsqlBatchCommand(FlushSql),
            },
        };
        var onDisk = new HashSet<Guid>();
        await using var row = await batch.ExecuteReaderAsync();
        while (await row.ReadAsync())
        {
            onDisk.Add(row.GetGuid(0));
        }
        await row.NextResultAsync();
        return onDisk;
    }

    private async Task RestoreAsync(Ending ending, Job ended)
    {
        try
        {
            if (await writeAsync(ending.Restored(ended)) is not null)
            {
                LogRestored(logger, ending.JobId);
            }
        }
        catch (PostgresException exception) when (!StoreRetry.IsAway(exception))
        {
            LogNotRestored(logger, ending.JobId, exception.MessageText);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Job {JobId}: the store had lost its end in a crash; it is written again")]
    private static partial void LogRestored(ILogger logger, Guid jobId);

    [LoggerMessage(
        LogLevel.Error, "Job {JobId}: the store had lost its end in a crash, and it cannot be written again: {Reason}")]
    private static partial void LogNotRestored(ILogger logger, Guid jobId, string reason);

    [LoggerMessage(
        LogLevel.Error, "The store could not be searched for {Count} ends of inline queries; Heimdall tries again")]
    private static partial void LogBroken(ILogger logger, Exception exception, int count);

    [LoggerMessage(
        LogLevel.Warning, "{Count} ends of inline queries are committed; whether they are on disk is not known")]
    private static partial void LogUnknown(ILogger logger, int count);
}

using System.Collections.Concurrent;
using System.Diagnostics;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Group commit: what several callers want written at one time shares a transaction, and so one flush to disk. While
/// one transaction is under way, the next one gathers.
/// </summary>
/// <param name="source">The connections.</param>
/// <param name="lanes">So many transactions are under way at most: while one is committed, the next is written.</param>
/// <param name="writeAsync">
/// Writes all it is given in one transaction, which is committed when it returns, and gives the answers in their order.
/// It may be called again with a part of them, when one of them could not be written.
/// </param>
public sealed class StoreWriter<TWrite, TAnswer>(
    NpgsqlDataSource source, int lanes,
    Func<NpgsqlConnection, IReadOnlyList<TWrite>, Task<IReadOnlyList<TAnswer>>> writeAsync)
    where TWrite : StoreWrite<TAnswer>
{
    private const int MostTogether = 64;

    /// <summary>Log pieces are up to a megabyte each; a transaction ends soon after this much.</summary>
    private const int EnoughBytes = 4 * 1024 * 1024;

    private const int Tries = 3;

    /// <summary>
    /// The class of SQLSTATE of a transaction that was rolled back for others' sake, as by a deadlock: it may well
    /// succeed when sent again.
    /// </summary>
    private const string RolledBack = "40";

    /// <summary>
    /// So long after a transaction was begun the next one begins, if all that waits can wait: the more come close upon
    /// each other, the more of them share one.
    /// </summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(10);

    private readonly ConcurrentQueue<TWrite> _waiting = new();
    private long _begun;
    private int _busyLanes;

    /// <summary>Writes something together with what waits, on its caller's thread if a lane is free.</summary>
    /// <exception cref="PostgresException">
    /// The store has refused it. What was sent with it is written all the same.
    /// </exception>
    public Task<TAnswer> AddAsync(TWrite write)
    {
        _waiting.Enqueue(write);
        return TryTakeLane() ? WriteAndLeaveAsync(write) : write.Answer.Task;
    }

    private async Task<TAnswer> WriteAndLeaveAsync(TWrite mine)
    {
        await WriteAndLeaveAsync();
        return await mine.Answer.Task; // the other lane may have it
    }

    private async Task WriteAndLeaveAsync()
    {
        try
        {
            await WriteWaitingAsync();
        }
        finally
        {
            LeaveLane();
        }
    }

    private bool TryTakeLane()
    {
        int busy;
        do
        {
            busy = Volatile.Read(ref _busyLanes);
            if (busy == lanes)
            {
                return false;
            }
        }
        while (Interlocked.CompareExchange(ref _busyLanes, busy + 1, busy) != busy);
        return true;
    }

    /// <summary>
    /// A caller adds to the queue before it looks for a lane, so looking at the queue once more after giving up a lane
    /// misses nothing.
    /// </summary>
    private void LeaveLane()
    {
        Interlocked.Decrement(ref _busyLanes);
        if (!_waiting.IsEmpty && TryTakeLane())
        {
            using (ExecutionContext.SuppressFlow()) // it writes for other callers than the one whose trace is current
            {
                _ = Task.Run(WriteAndLeaveAsync);
            }
        }
    }

    private async Task GatherAsync()
    {
        var left = Pace - Stopwatch.GetElapsedTime(Volatile.Read(ref _begun));
        if (left > TimeSpan.Zero && !_waiting.IsEmpty && _waiting.All(write => write.CanWait))
        {
            await Task.Delay(left);
        }
        Volatile.Write(ref _begun, Stopwatch.GetTimestamp());
    }

    private async Task WriteWaitingAsync()
    {
        await GatherAsync();
        var together = new List<TWrite>();
        for (var bytes = 0; together.Count < MostTogether && bytes < EnoughBytes && _waiting.TryDequeue(out var write);)
        {
            if (!write.IsGivenUp)
            {
                together.Add(write);
                bytes += write.Bytes;
            }
        }
        await TryWriteAsync(together, Tries);
    }

    private async Task TryWriteAsync(List<TWrite> together, int triesLeft)
    {
        if (together.Count == 0)
        {
            return; // the other lane was quicker, or their callers have given them up
        }
        try
        {
            await WriteAsync(together);
        }
        catch (PostgresException exception)
            when (exception.SqlState.StartsWith(RolledBack, StringComparison.Ordinal) && triesLeft > 1)
        {
            await TryWriteAsync(together, triesLeft - 1);
        }
        catch (Exception exception)
            when (together.Count > 1 && !StoreRetry.IsAway(exception)) // a commit in doubt must not be sent again
        {
            // One of them cannot be written; the others must not suffer for it.
            foreach (var write in together)
            {
                await TryWriteAsync([write], Tries);
            }
        }
        catch (Exception exception)
        {
            foreach (var write in together)
            {
                write.Answer.TrySetException(exception);
            }
        }
    }

    private async Task WriteAsync(List<TWrite> together)
    {
        IReadOnlyList<TAnswer> answers;
        await using (var connection = await source.OpenConnectionAsync())
        {
            together.RemoveAll(write => !write.TryTake());
            if (together.Count == 0)
            {
                return;
            }
            answers = await writeAsync(connection, together);
        }
        for (var i = 0; i < answers.Count; i++)
        {
            together[i].Answer.TrySetResult(answers[i]);
        }
    }
}

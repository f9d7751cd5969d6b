using System.Collections.Concurrent;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Running;

/// <summary>
/// Which running jobs wait for somebody's lock, as it was known a moment ago. However many ask, it looks at one job at a
/// time, at the longest running ones only, and no more often than <see cref="LeastAge"/>.
/// </summary>
public sealed class BlockedJobs(JobActivity activity, JobStore jobs, TimeProvider time)
{
    /// <summary>So many of the jobs that have run longest are looked at.</summary>
    public const int MostAsked = 20;

    private static readonly TimeSpan LeastAge = TimeSpan.FromSeconds(5);

    /// <summary>What is older is not told.</summary>
    private static readonly TimeSpan MostAge = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<Guid, (SessionActivity Session, long At)> _blocked = new();
    private Task _looking = Task.CompletedTask;
    private long? _lookedAt;

    /// <summary>What is known, and has it looked up again. A caller waits for that no longer than they say.</summary>
    /// <param name="running">The jobs that run, those first that have run longest.</param>
    /// <param name="wait">How long the caller waits for a newer answer.</param>
    /// <param name="cancellationToken">Ends that wait.</param>
    /// <returns>By the job, what its session waits for.</returns>
    public async Task<IReadOnlyDictionary<Guid, SessionActivity>> FindAsync(
        IReadOnlyList<RunningJob> running, TimeSpan wait, CancellationToken cancellationToken)
    {
        var asked = running.Take(MostAsked).Select(job => job.Id).ToArray();
        Task looking;
        lock (_lock)
        {
            if (asked.Length > 0 && _looking.IsCompleted
                && (_lookedAt is not { } at || time.GetElapsedTime(at) >= LeastAge))
            {
                _looking = LookAsync(asked);
            }
            looking = _looking;
        }
        await Task.WhenAny(looking, Task.Delay(wait, cancellationToken));
        var ids = running.Select(job => job.Id).ToHashSet();
        return _blocked.Where(one => ids.Contains(one.Key) && !IsOld(one.Value.At))
            .ToDictionary(one => one.Key, one => one.Value.Session);
    }

    // Not on behalf of one of those who share the answer: when one stops waiting, the others still get it.
    private async Task LookAsync(Guid[] asked)
    {
        await Task.Yield(); // out of the lock
        try
        {
            foreach (var id in asked)
            {
                var job = await jobs.FindAsync(id, CancellationToken.None);
                var session = job is { Status: JobStatus.Running or JobStatus.Canceling }
                    ? (await activity.FindAsync(job, CancellationToken.None)).Session
                    : null;
                if (session is { BlockedBy.Count: > 0 })
                {
                    _blocked[id] = (session, time.GetTimestamp());
                }
                else
                {
                    _blocked.TryRemove(id, out _);
                }
            }
            foreach (var old in _blocked.Where(one => IsOld(one.Value.At)).Select(one => one.Key))
            {
                _blocked.TryRemove(old, out _);
            }
        }
        catch (NpgsqlException)
        {
            _blocked.Clear(); // the store cannot be reached, so the last answer may be out of date
        }
        finally
        {
            lock (_lock)
            {
                _lookedAt = time.GetTimestamp();
            }
        }
    }

    private bool IsOld(long at) => time.GetElapsedTime(at) >= MostAge;
}

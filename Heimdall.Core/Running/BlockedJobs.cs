using System.Collections.Concurrent;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Running;

/// <summary>
/// Which running jobs wait for somebody's lock, as it was known a moment ago. However many ask, it looks at one job at a
/// time, at the longest running ones of each who asks, and at none more often than each <see cref="LeastAge"/>.
/// </summary>
public sealed class BlockedJobs(JobActivity activity, JobStore jobs, TimeProvider time)
{
    /// <summary>So many of the jobs that have run longest are looked at.</summary>
    public const int MostAsked = 20;

    /// <summary>So many jobs wait to be looked at, at most.</summary>
    private const int MostWaiting = 200;

    private static readonly TimeSpan LeastAge = TimeSpan.FromSeconds(5);

    /// <summary>What is older is not told.</summary>
    private static readonly TimeSpan MostAge = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<Guid, (SessionActivity? Session, long At)> _known = new();
    private readonly Lock _lock = new();
    private readonly Queue<Guid> _waiting = new();
    private Task _looking = Task.CompletedTask;

    /// <summary>What is known, and has it looked up again. A caller waits for that no longer than they say.</summary>
    /// <param name="running">The jobs that run, those first that have run longest.</param>
    /// <param name="wait">How long the caller waits for a newer answer.</param>
    /// <param name="cancellationToken">Ends that wait.</param>
    public async Task<BlockedAnswer> FindAsync(
        IReadOnlyList<RunningJob> running, TimeSpan wait, CancellationToken cancellationToken)
    {
        var asked = running.Take(MostAsked).Select(job => job.Id).ToArray();
        await Task.WhenAny(LookAgain(asked), Task.Delay(wait, cancellationToken));
        var told = asked.Where(id => IsKnown(id, MostAge)).ToDictionary(id => id, id => _known.GetValueOrDefault(id).Session);
        var blocked = told.Where(one => one.Value is not null).ToDictionary(one => one.Key, one => one.Value!);
        return new BlockedAnswer(blocked, IsWhole: told.Count == asked.Length);
    }

    /// <returns>Ends when all that waits to be looked at has been.</returns>
    private Task LookAgain(Guid[] asked)
    {
        lock (_lock)
        {
            foreach (var id in asked.Where(id => !IsKnown(id, LeastAge) && !_waiting.Contains(id)))
            {
                if (_waiting.Count < MostWaiting)
                {
                    _waiting.Enqueue(id);
                }
            }
            if (_waiting.Count > 0 && _looking.IsCompleted)
            {
                // Not on behalf of one of those who share the answer: when one stops waiting, the others still get it.
                _looking = Task.Run(LookAsync, CancellationToken.None);
            }
            return _looking;
        }
    }

    private async Task LookAsync()
    {
        try
        {
            while (TryTake(out var id))
            {
                var job = await jobs.FindAsync(id, CancellationToken.None);
                var session = job is { Status: JobStatus.Running or JobStatus.Canceling }
                    ? (await activity.FindAsync(job, CancellationToken.None)).Session
                    : null;
                _known[id] = (session is { BlockedBy.Count: > 0 } ? session : null, time.GetTimestamp());
            }
        }
        catch (NpgsqlException)
        {
            _known.Clear(); // the store cannot be reached, so what is known may be out of date
            lock (_lock)
            {
                _waiting.Clear();
            }
        }
        foreach (var old in _known.Keys.Where(id => !IsKnown(id, MostAge)))
        {
            _known.TryRemove(old, out _);
        }
    }

    private bool TryTake(out Guid id)
    {
        lock (_lock)
        {
            return _waiting.TryDequeue(out id);
        }
    }

    private bool IsKnown(Guid id, TimeSpan age) =>
        _known.TryGetValue(id, out var known) && time.GetElapsedTime(known.At) < age;
}

/// <summary>What is known of jobs that wait for a lock.</summary>
/// <param name="Blocked">By the job, what its session waits for.</param>
/// <param name="IsWhole">False while some of the jobs that are looked at have not been, or were too long ago.</param>
public sealed record BlockedAnswer(IReadOnlyDictionary<Guid, SessionActivity> Blocked, bool IsWhole);

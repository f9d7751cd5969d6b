using System.Collections.Concurrent;
using Heimdall.Core.Jobs;
using Heimdall.Core.Jobs.Figures;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Core.Running;

/// <summary>
/// Which running jobs wait for somebody's lock, as it was known a moment ago. However many ask, it looks at one job of a
/// cluster at a time, at the longest running ones of each who asks, and at none more often than each
/// <see cref="LeastAge"/>.
/// </summary>
public sealed class BlockedJobs(JobActivity activity, JobStore jobs, TimeProvider time)
{
    /// <summary>So many of the jobs that have run longest are looked at.</summary>
    public const int MostAsked = 20;

    /// <summary>So many jobs of a cluster wait to be looked at, at most.</summary>
    private const int MostWaiting = 200;

    private static readonly TimeSpan LeastAge = TimeSpan.FromSeconds(5);

    /// <summary>What is older is not told.</summary>
    private static readonly TimeSpan MostAge = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<Guid, (SessionActivity? Session, long At)> _known = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Turns> _turns = []; // by the cluster's id: a silent one holds up no other

    /// <summary>What is known, and has it looked up again. A caller waits for that no longer than they say.</summary>
    /// <param name="running">The jobs that run, those first that have run longest.</param>
    /// <param name="wait">How long the caller waits for a newer answer.</param>
    /// <param name="cancellationToken">Ends that wait.</param>
    public async Task<BlockedAnswer> FindAsync(
        IReadOnlyList<RunningJob> running, TimeSpan wait, CancellationToken cancellationToken)
    {
        var asked = running.Take(MostAsked).ToArray();
        await Task.WhenAny(LookAgain(asked), Task.Delay(wait, cancellationToken));
        var told = asked.Where(job => IsKnown(job.Id, MostAge))
            .ToDictionary(job => job.Id, job => _known.GetValueOrDefault(job.Id).Session);
        var blocked = told.Where(one => one.Value is not null).ToDictionary(one => one.Key, one => one.Value!);
        return new BlockedAnswer(blocked, IsWhole: told.Count == asked.Length);
    }

    /// <returns>Ends when all that waits to be looked at on these clusters has been.</returns>
    private Task LookAgain(RunningJob[] asked)
    {
        lock (_lock)
        {
            foreach (var job in asked.Where(job => !IsKnown(job.Id, LeastAge)))
            {
                var turns = _turns.GetValueOrDefault(job.ClusterId) ?? (_turns[job.ClusterId] = new Turns());
                if (turns.Waiting.Count < MostWaiting && !turns.Waiting.Contains(job.Id))
                {
                    turns.Waiting.Enqueue(job.Id);
                }
                if (turns.Looking.IsCompleted)
                {
                    // Not on behalf of one of those who share the answer: when one stops waiting, the others still
                    // get it.
                    turns.Looking = Task.Run(() => LookAsync(turns), CancellationToken.None);
                }
            }
            return Task.WhenAll(asked.Select(job => job.ClusterId).Distinct()
                .Select(cluster => _turns.GetValueOrDefault(cluster)?.Looking ?? Task.CompletedTask));
        }
    }

    private async Task LookAsync(Turns turns)
    {
        try
        {
            while (TryTake(turns, out var id))
            {
                var job = await jobs.FindAsync(id, CancellationToken.None);
                var (isAnswered, session) = job is { Status: JobStatus.Running or JobStatus.Canceling }
                    ? await activity.FindAsync(job, CancellationToken.None)
                    : (true, null);
                if (isAnswered) // a cluster that is silent says nothing of locks
                {
                    _known[id] = (session is { BlockedBy.Count: > 0 } ? session : null, time.GetTimestamp());
                }
            }
        }
        catch (NpgsqlException)
        {
            _known.Clear(); // the store cannot be reached, so what is known may be out of date
            lock (_lock)
            {
                turns.Waiting.Clear();
            }
        }
        foreach (var old in _known.Keys.Where(id => !IsKnown(id, MostAge)))
        {
            _known.TryRemove(old, out _);
        }
    }

    private bool TryTake(Turns turns, out Guid id)
    {
        lock (_lock)
        {
            return turns.Waiting.TryDequeue(out id);
        }
    }

    private bool IsKnown(Guid id, TimeSpan age) =>
        _known.TryGetValue(id, out var known) && time.GetElapsedTime(known.At) < age;

    /// <summary>The jobs of one cluster that are to be looked at.</summary>
    private sealed class Turns
    {
        public Queue<Guid> Waiting { get; } = new();

        public Task Looking { get; set; } = Task.CompletedTask;
    }
}

/// <summary>What is known of jobs that wait for a lock.</summary>
/// <param name="Blocked">By the job, what its session waits for.</param>
/// <param name="IsWhole">False while some of the jobs that are looked at have not been, or were too long ago.</param>
public sealed record BlockedAnswer(IReadOnlyDictionary<Guid, SessionActivity> Blocked, bool IsWhole);

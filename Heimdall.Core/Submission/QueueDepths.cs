using System.Collections.Concurrent;
using System.Diagnostics;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;

namespace Heimdall.Core.Submission;

/// <summary>
/// How many jobs each caller has waiting, against how many the server allows. Counting them takes as long as the queue
/// is, so it is not done for each submission. While there is ample room, this process adds up to half of it before it
/// counts again: the other half is for other processes. Near the limit it counts for each submission, unless the count
/// takes long: then the last one holds for ten times as long as it took.
/// </summary>
public sealed class QueueDepths(JobStore jobs, HeimdallConfig config)
{
    /// <summary>How long a count holds.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    /// <summary>One that is over within this time may be repeated for each submission.</summary>
    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(20);

    /// <summary>How many callers are remembered.</summary>
    private const int MostCallers = 10_000;

    private readonly ConcurrentDictionary<string, Depth> _depths = new(StringComparer.Ordinal);

    private int Limit => config.Server.MaxQueuedPerCaller;

    /// <summary>Takes room for more jobs of a caller.</summary>
    /// <returns>False when they would have more waiting than the server allows: then none is to be added.</returns>
    public async Task<bool> TryAddAsync(string user, int more, CancellationToken cancellationToken)
    {
        if (_depths.Count >= MostCallers)
        {
            _depths.Clear();
        }
        var depth = _depths.GetOrAdd(user, _ => new Depth());
        if (depth.TryAdd(more, Limit) is { } answer)
        {
            return answer;
        }
        await depth.CountAsync(() => jobs.CountQueuedAsync(user, Limit, CancellationToken.None))
            .WaitAsync(cancellationToken);
        return depth.TryAddToCounted(more, Limit);
    }

    private sealed class Depth
    {
        private readonly Lock _lock = new();
        private Task? _counting;
        private long _counted;
        private long _added;
        private long? _countedAt;
        private TimeSpan _took;

        /// <returns>Null when the jobs must be counted to tell.</returns>
        public bool? TryAdd(int more, int limit)
        {
            lock (_lock)
            {
                if (_countedAt is not { } at)
                {
                    return null;
                }
                var age = Stopwatch.GetElapsedTime(at);
                if (age < Max(Fresh, 100 * _took) && _added + more <= (limit - _counted) / 2)
                {
                    _added += more;
                    return true;
                }
                return _took <= Quick || age >= 10 * _took ? null : TryAddToCounted(more, limit);
            }
        }

        /// <summary>Decides by the last count and by what has been added since.</summary>
        public bool TryAddToCounted(int more, int limit)
        {
            lock (_lock)
            {
                var fits = _counted + _added + more <= limit;
                _added += fits ? more : 0;
                return fits;
            }
        }

        /// <summary>Counts, or waits for the count that is running.</summary>
        public Task CountAsync(Func<Task<long>> countAsync)
        {
            lock (_lock)
            {
                return _counting is { IsCompleted: false } running ? running : _counting = RunAsync(countAsync);
            }
        }

        private async Task RunAsync(Func<Task<long>> countAsync)
        {
            var started = Stopwatch.GetTimestamp();
            var counted = await countAsync();
            lock (_lock)
            {
                (_counted, _added) = (counted, 0);
                (_countedAt, _took) = (Stopwatch.GetTimestamp(), Stopwatch.GetElapsedTime(started));
            }
        }

        private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
    }
}

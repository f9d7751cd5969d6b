using System.Diagnostics;
using System.Runtime.CompilerServices;
using Heimdall.Api.Callers;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Core.Configuration;
using Heimdall.Core.Jobs;
using Npgsql;

namespace Heimdall.Api.Live;

/// <summary>
/// Looks after the jobs that callers watch: all of them in one statement, four times a second, however many watch; those
/// that nobody has watched before, at once. Costs the store nothing while nobody does.
/// </summary>
internal sealed partial class JobWatcher(
    JobNewsStore store, ServerConfig config, KnownCallers known, IHostApplicationLifetime lifetime, ILogger<JobWatcher> logger)
    : BackgroundService
{
    /// <summary>How many may watch at one time in a process: each holds a connection of its caller.</summary>
    private const int MostWatchers = 1000;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    /// <summary>After this long without news a watcher gets the last ones again: only what is sent finds out that nobody reads.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, JobWatch> _watches = [];
    private readonly Dictionary<string, int> _watchersOf = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _wanted = new(0, 1);
    private int _watchers;

    /// <summary>Takes a place for the caller, up to the end of the request.</summary>
    /// <returns>
    /// Why there is none: 429 where the caller has all of theirs, 503 where the process has none left. Null where there
    /// is one.
    /// </returns>
    public IResult? TakePlace(HttpContext context, Guid id)
    {
        var user = context.CallerName();
        lock (_lock)
        {
            var own = _watchersOf.GetValueOrDefault(user);
            if (own >= config.MaxWatchersPerCaller)
            {
                context.Response.SetFull(RateLimits.WatchedJobs, config.MaxWatchersPerCaller, retryAfter: 10);
                return Problem.Of(
                    StatusCodes.Status429TooManyRequests, "too-many-watchers", "You watch too many jobs.",
                    $"User '{user}' follows {own} jobs in this process, as many as a caller may "
                    + $"(server.max_watchers_per_caller): end one, or poll GET /api/v1/job/{id}.");
            }
            if (_watchers >= MostWatchers)
            {
                context.Response.Headers.RetryAfter = "10";
                return Problem.Of(
                    StatusCodes.Status503ServiceUnavailable, "too-many-watchers", "Too many jobs are watched.",
                    $"This process lets {MostWatchers} callers watch jobs at one time; "
                    + $"ask again later, or poll GET /api/v1/job/{id}.");
            }
            _watchersOf[user] = own + 1;
            _watchers++;
        }
        context.Response.RegisterForDispose(new WatcherPlace(this, user));
        return null;
    }

    /// <summary>
    /// Where a job stands, and again whenever that has changed, up to its end. Ends sooner when the job is
    /// deleted or this process is asked to stop.
    /// </summary>
    /// <param name="id">The job.</param>
    /// <param name="untilKeysChange">Ends too when keys or roles change, so that the caller has to come again.</param>
    /// <param name="cancellationToken">Ends it with an exception.</param>
    public async IAsyncEnumerable<JobNews> WatchAsync(
        Guid id, bool untilKeysChange, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken, lifetime.ApplicationStopping,
            untilKeysChange ? known.Changed : CancellationToken.None);
        var watch = Join(id);
        try
        {
            while (true)
            {
                var (news, isGone, changed) = watch.Look();
                if (news is not null)
                {
                    yield return news;
                }
                if (isGone || news is { State.Status: var status } && status.IsFinal())
                {
                    yield break;
                }
                await changed.WaitAsync(Silence, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellationToken.ThrowIfCancellationRequested();
                if (stop.IsCancellationRequested)
                {
                    yield break;
                }
            }
        }
        finally
        {
            Leave(id, watch);
        }
    }

    public override void Dispose()
    {
        _wanted.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var lastLook = Stopwatch.GetTimestamp();
        while (!stoppingToken.IsCancellationRequested)
        {
            var isTime = Stopwatch.GetElapsedTime(lastLook) >= Interval;
            if (Ids(onlyNew: !isTime) is { Length: > 0 } ids)
            {
                await LookAsync(ids, stoppingToken);
            }
            if (isTime)
            {
                lastLook = Stopwatch.GetTimestamp();
            }
            Task wanted = _wanted.WaitAsync(UntilLook(lastLook), stoppingToken);
            await wanted.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>How long until all have to be looked at; without end while nobody watches.</summary>
    private TimeSpan UntilLook(long lastLook)
    {
        var left = Interval - Stopwatch.GetElapsedTime(lastLook);
        lock (_lock)
        {
            return _watches.Count == 0 ? Timeout.InfiniteTimeSpan : left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    private async Task LookAsync(Guid[] ids, CancellationToken cancellationToken)
    {
        try
        {
            var news = (await store.ReadAsync(ids, cancellationToken)).ToDictionary(job => job.Id);
            foreach (var id in ids)
            {
                Find(id)?.Tell(news.GetValueOrDefault(id));
            }
        }
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException or TimeoutException)
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                LogBlind(ids.Length, exception.Message); // they wait; what they have seen stays true
            }
        }
    }

    private JobWatch Join(Guid id)
    {
        lock (_lock)
        {
            if (!_watches.TryGetValue(id, out var watch))
            {
                _watches[id] = watch = new JobWatch();
            }
            if (++watch.Watchers == 1 && _wanted.CurrentCount == 0)
            {
                _wanted.Release();
            }
            return watch;
        }
    }

    private void Leave(Guid id, JobWatch watch)
    {
        lock (_lock)
        {
            if (--watch.Watchers == 0)
            {
                _watches.Remove(id);
            }
        }
    }

    private Guid[] Ids(bool onlyNew)
    {
        lock (_lock)
        {
            return [.. _watches.Where(watch => !onlyNew || !watch.Value.IsKnown).Select(watch => watch.Key)];
        }
    }

    private JobWatch? Find(Guid id)
    {
        lock (_lock)
        {
            return _watches.GetValueOrDefault(id);
        }
    }

    private void GiveBack(string user)
    {
        lock (_lock)
        {
            _watchers--;
            if (--_watchersOf[user] == 0)
            {
                _watchersOf.Remove(user);
            }
        }
    }

    private sealed class WatcherPlace(JobWatcher watcher, string user) : IDisposable
    {
        public void Dispose() => watcher.GiveBack(user);
    }

    [LoggerMessage(LogLevel.Warning, "{Count} jobs are watched, and where they stand could not be read: {Reason}")]
    private partial void LogBlind(int count, string reason);
}

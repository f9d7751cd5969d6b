using System.Globalization;
using Hangfire.Common;
using Hangfire.Server;
using Hangfire.States;
using Hangfire.Storage;

namespace Heimdall.Core.Queue.Storage;

/// <summary>
/// What one thread of Hangfire does. An entry that is read under its lock is known with its state: a change that was
/// decided by another state is not written. All else is the stock storage's.
/// </summary>
internal sealed class EntryConnection(EntryStorage storage, JobStorageConnection stock) : JobStorageConnection
{
    private const string LockPrefix = "job:";
    private const string LockSuffix = ":state-lock";

    /// <summary>No state of Hangfire's, so that no change is expected from it.</summary>
    private const string ProcessingElsewhere = "Processing elsewhere";

    /// <summary>Those of Hangfire's schedulers of recurring and of delayed jobs.</summary>
    private static readonly HashSet<string> _schedulerLocks = ["recurring-jobs:lock", "locks:schedulepoller"];

    private readonly Dictionary<long, LockedEntry> _locked = [];
    private readonly Dictionary<string, OtherLock> _others = [];
    private readonly Dictionary<long, IFetchedEntry?> _claimed = [];
    private readonly Dictionary<long, KnownEntry> _asMade = [];

    public override void Dispose()
    {
        stock.Dispose();
        base.Dispose();
    }

    public override IWriteOnlyTransaction CreateWriteTransaction() => new EntryTransaction(storage, this, stock);

    /// <remarks>
    /// Of an entry whose job this process has claimed, nobody else has a reason to change the state. No row is written
    /// for its lock, unless a server on the stock storage may look for one.
    /// </remarks>
    public override IDisposable AcquireDistributedLock(string resource, TimeSpan timeout)
    {
        if (storage.IsAside)
        {
            return stock.AcquireDistributedLock(resource, timeout);
        }
        if (FindEntry(resource) is not { } id)
        {
            return AcquireOther(resource, timeout);
        }
        var row = IsClaimed(id) && !storage.MustLock ? null : stock.AcquireDistributedLock(resource, timeout);
        if (!_locked.TryGetValue(id, out var entry))
        {
            _locked[id] = entry = new LockedEntry();
        }
        entry.Locks++;
        entry.Rows += row is null ? 0 : 1;
        return new LockRelease(() =>
        {
            entry.Locks--;
            entry.Rows -= row is null ? 0 : 1;
            if (entry.Locks == 0 && !IsClaimed(id))
            {
                _locked.Remove(id); // from now on others may change it
            }
            row?.Dispose();
        });
    }

    public override IFetchedJob FetchNextJob(string[] queues, CancellationToken cancellationToken)
    {
        var fetched = stock.FetchNextJob(queues, cancellationToken);
        if (queues.All(storage.IsJobsQueue))
        {
            var id = ToNumber(fetched.JobId);
            var entry = fetched as IFetchedEntry;
            _claimed[id] = entry;
            if (entry?.NewJob is { } job)
            {
                _asMade[id] = storage.NewEntries.AsMade(job);
            }
        }
        return fetched;
    }

    public override JobData? GetJobData(string jobId)
    {
        ArgumentNullException.ThrowIfNull(jobId);
        var id = ToNumber(jobId);
        if (storage.IsAside || !_locked.TryGetValue(id, out var locked))
        {
            return stock.GetJobData(jobId);
        }
        if (locked.Known is null || !IsClaimed(id))
        {
            locked.Known = _asMade.Remove(id, out var asMade) ? asMade : storage.Entries.Find(id);
        }
        var data = locked.Known?.ToJobData();
        var isElsewhere = locked.Processing is { } own && locked.Known?.StateId != own
            && data?.State == ProcessingState.StateName;
        if (data is not null && (isElsewhere || _claimed.GetValueOrDefault(id) is { IsPutBack: true }))
        {
            data.State = ProcessingElsewhere; // a newer attempt has the job, and its worker changes the entry
        }
        return data;
    }

    public override void AnnounceServer(string serverId, ServerContext context)
    {
        if (storage.IsAside)
        {
            stock.AnnounceServer(serverId, context);
        }
        else
        {
            storage.Announce(serverId, context);
        }
    }

    public override string CreateExpiredJob(
        Job job, IDictionary<string, string> parameters, DateTime createdAt, TimeSpan expireIn) =>
        stock.CreateExpiredJob(job, parameters, createdAt, expireIn);

    public override void SetJobParameter(string id, string name, string value) =>
        stock.SetJobParameter(id, name, value);

    public override string? GetJobParameter(string id, string name) => stock.GetJobParameter(id, name);

    public override StateData? GetStateData(string jobId) => stock.GetStateData(jobId);

    public override void RemoveServer(string serverId) => stock.RemoveServer(serverId);

    public override void Heartbeat(string serverId) => stock.Heartbeat(serverId);

    public override int RemoveTimedOutServers(TimeSpan timeOut) => stock.RemoveTimedOutServers(timeOut);

    public override HashSet<string> GetAllItemsFromSet(string key) => stock.GetAllItemsFromSet(key);

    public override string? GetFirstByLowestScoreFromSet(string key, double fromScore, double toScore) =>
        stock.GetFirstByLowestScoreFromSet(key, fromScore, toScore);

    public override List<string> GetFirstByLowestScoreFromSet(
        string key, double fromScore, double toScore, int count) =>
        stock.GetFirstByLowestScoreFromSet(key, fromScore, toScore, count);

    public override long GetSetCount(string key) => stock.GetSetCount(key);

    public override long GetSetCount(IEnumerable<string> keys, int limit) => stock.GetSetCount(keys, limit);

    public override bool GetSetContains(string key, string value) => stock.GetSetContains(key, value);

    public override List<string> GetRangeFromSet(string key, int startingFrom, int endingAt) =>
        stock.GetRangeFromSet(key, startingFrom, endingAt);

    public override TimeSpan GetSetTtl(string key) => stock.GetSetTtl(key);

    public override void SetRangeInHash(string key, IEnumerable<KeyValuePair<string, string>> keyValuePairs) =>
        stock.SetRangeInHash(key, keyValuePairs);

    public override Dictionary<string, string>? GetAllEntriesFromHash(string key) => stock.GetAllEntriesFromHash(key);

    public override string? GetValueFromHash(string key, string name) => stock.GetValueFromHash(key, name);

    public override long GetHashCount(string key) => stock.GetHashCount(key);

    public override TimeSpan GetHashTtl(string key) => stock.GetHashTtl(key);

    public override long GetListCount(string key) => stock.GetListCount(key);

    public override List<string> GetAllItemsFromList(string key) => stock.GetAllItemsFromList(key);

    public override List<string> GetRangeFromList(string key, int startingFrom, int endingAt) =>
        stock.GetRangeFromList(key, startingFrom, endingAt);

    public override TimeSpan GetListTtl(string key) => stock.GetListTtl(key);

    public override long GetCounter(string key) => stock.GetCounter(key);

    public override DateTime GetUtcDateTime() => stock.GetUtcDateTime();

    internal static long ToNumber(string jobId) => long.Parse(jobId, CultureInfo.InvariantCulture);

    /// <returns>The entry as this connection has read it under its lock; null when it has not.</returns>
    internal KnownEntry? FindKnown(long id) => _locked.GetValueOrDefault(id)?.Known;

    /// <summary>Whether this connection has fetched the job of an entry, which this process has claimed.</summary>
    internal bool IsClaimed(long id) => _claimed.ContainsKey(id);

    /// <summary>Whether the lock of an entry is a row, which a server on the stock storage sees.</summary>
    internal bool HasLockRow(long id) => _locked.GetValueOrDefault(id) is { Rows: > 0 };

    /// <summary>A change of an entry is about to be written: until that is answered, it must be read anew.</summary>
    internal void Forget(long id) => Remember(id, entry: null, state: null);

    /// <param name="id">The entry.</param>
    /// <param name="entry">As it is now; null when that must be read.</param>
    /// <param name="state">The state that was written.</param>
    internal void Remember(long id, KnownEntry? entry, string? state)
    {
        _claimed.GetValueOrDefault(id)?.Note(state);
        if (_locked.TryGetValue(id, out var locked))
        {
            locked.Known = entry;
            locked.Processing = state == ProcessingState.StateName ? entry?.StateId : locked.Processing;
        }
    }

    /// <summary>Locks of one resource lie within each other here too.</summary>
    /// <remarks>
    /// Nobody waits for a scheduler's lock: who has it does what is due. Those that waited would look in step with it
    /// ever after, and none of them between its looks.
    /// </remarks>
    private LockRelease AcquireOther(string resource, TimeSpan timeout)
    {
        if (!_others.TryGetValue(resource, out var other))
        {
            var wait = _schedulerLocks.Contains(resource) ? TimeSpan.Zero : timeout;
            _others[resource] = other = new OtherLock(storage.Lock.Take(resource, wait));
        }
        other.Locks++;
        return new LockRelease(() =>
        {
            if (--other.Locks == 0)
            {
                _others.Remove(resource);
                storage.Lock.Release(resource, other.Acquired);
            }
        });
    }

    private static long? FindEntry(string resource) =>
        resource.StartsWith(LockPrefix, StringComparison.Ordinal)
        && resource.EndsWith(LockSuffix, StringComparison.Ordinal)
        && resource.Length > LockPrefix.Length + LockSuffix.Length
        && long.TryParse(
            resource.AsSpan(LockPrefix.Length, resource.Length - LockPrefix.Length - LockSuffix.Length),
            NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? id
            : null;

    private sealed class LockedEntry
    {
        /// <summary>Locks of one entry lie within each other.</summary>
        public int Locks { get; set; }

        /// <summary>How many of them are rows.</summary>
        public int Rows { get; set; }

        /// <summary>The state that says that this worker runs the job; null until that is written.</summary>
        public long? Processing { get; set; }

        /// <summary>Null until it is read.</summary>
        public KnownEntry? Known { get; set; }
    }

    private sealed record OtherLock(DateTime Acquired)
    {
        public int Locks { get; set; }
    }

    private sealed class LockRelease(Action release) : IDisposable
    {
        private bool _isReleased;

        public void Dispose()
        {
            if (!_isReleased)
            {
                _isReleased = true;
                release();
            }
        }
    }
}

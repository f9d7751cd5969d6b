using Hangfire.States;
using Hangfire.Storage;
using Npgsql;

namespace Heimdall.Core.Queue.Storage;

/// <summary>
/// Collects what a transaction of Hangfire's writes. If it changes nothing but the state of an entry whose job this
/// process has claimed, it is written together with others of its kind. Anything else is written by the stock storage,
/// in one transaction with the check of the entries that are known.
/// </summary>
internal sealed class EntryTransaction(EntryStorage storage, EntryConnection connection, JobStorageConnection stock)
    : JobStorageTransaction
{
    private readonly List<Action<JobStorageTransaction>> _steps = [];
    private readonly List<EntryCount> _counts = [];
    private readonly HashSet<long> _touched = [];
    private EntryChange? _change;
    private bool _isMore;

    public override void SetJobState(string jobId, IState state)
    {
        var change = Touch(jobId, transaction => transaction.SetJobState(jobId, state));
        _isMore |= change.Name is not null;
        change.Set(state);
    }

    public override void ExpireJob(string jobId, TimeSpan expireIn) =>
        Touch(jobId, transaction => transaction.ExpireJob(jobId, expireIn))
            .Expire(TimeSpan.FromSeconds(Math.Floor(expireIn.TotalSeconds)));

    public override void PersistJob(string jobId) =>
        Touch(jobId, transaction => transaction.PersistJob(jobId)).Expire(null);

    public override void AddJobState(string jobId, IState state)
    {
        Touch(jobId, transaction => transaction.AddJobState(jobId, state));
        _isMore = true;
    }

    /// <remarks>Nothing is written where the job's own row is its place.</remarks>
    public override void AddToQueue(string queue, string jobId)
    {
        _steps.Add(transaction => transaction.AddToQueue(queue, jobId));
        _isMore |= !storage.IsJobsQueue(queue);
    }

    public override void IncrementCounter(string key) =>
        Count(key, 1, null, transaction => transaction.IncrementCounter(key));

    public override void IncrementCounter(string key, TimeSpan expireIn) =>
        Count(key, 1, expireIn, transaction => transaction.IncrementCounter(key, expireIn));

    public override void DecrementCounter(string key) =>
        Count(key, -1, null, transaction => transaction.DecrementCounter(key));

    public override void DecrementCounter(string key, TimeSpan expireIn) =>
        Count(key, -1, expireIn, transaction => transaction.DecrementCounter(key, expireIn));

    public override void AddToSet(string key, string value) => More(transaction => transaction.AddToSet(key, value));

    public override void AddToSet(string key, string value, double score) =>
        More(transaction => transaction.AddToSet(key, value, score));

    public override void AddRangeToSet(string key, IList<string> items) =>
        More(transaction => transaction.AddRangeToSet(key, items));

    public override void RemoveFromSet(string key, string value) =>
        More(transaction => transaction.RemoveFromSet(key, value));

    public override void RemoveSet(string key) => More(transaction => transaction.RemoveSet(key));

    public override void ExpireSet(string key, TimeSpan expireIn) =>
        More(transaction => transaction.ExpireSet(key, expireIn));

    public override void PersistSet(string key) => More(transaction => transaction.PersistSet(key));

    public override void InsertToList(string key, string value) =>
        More(transaction => transaction.InsertToList(key, value));

    public override void RemoveFromList(string key, string value) =>
        More(transaction => transaction.RemoveFromList(key, value));

    public override void TrimList(string key, int keepStartingFrom, int keepEndingAt) =>
        More(transaction => transaction.TrimList(key, keepStartingFrom, keepEndingAt));

    public override void ExpireList(string key, TimeSpan expireIn) =>
        More(transaction => transaction.ExpireList(key, expireIn));

    public override void PersistList(string key) => More(transaction => transaction.PersistList(key));

    public override void SetRangeInHash(string key, IEnumerable<KeyValuePair<string, string>> keyValuePairs)
    {
        ArgumentNullException.ThrowIfNull(keyValuePairs);
        KeyValuePair<string, string>[] pairs = [.. keyValuePairs];
        More(transaction => transaction.SetRangeInHash(key, pairs));
    }

    public override void RemoveHash(string key) => More(transaction => transaction.RemoveHash(key));

    public override void ExpireHash(string key, TimeSpan expireIn) =>
        More(transaction => transaction.ExpireHash(key, expireIn));

    public override void PersistHash(string key) => More(transaction => transaction.PersistHash(key));

    public override void AcquireDistributedLock(string resource, TimeSpan timeout) =>
        More(transaction => transaction.AcquireDistributedLock(resource, timeout));

    public override void RemoveFromQueue(IFetchedJob fetchedJob) =>
        More(transaction => transaction.RemoveFromQueue(fetchedJob));

    public override void SetJobParameter(string jobId, string name, string? value) =>
        More(transaction => transaction.SetJobParameter(jobId, name, value));

    /// <exception cref="EntryChangedException">Nothing is written: an entry is not as it was read.</exception>
    public override void Commit()
    {
        var known = _touched.Select(id => (Id: id, Known: connection.FindKnown(id)))
            .Where(one => one.Known is not null).ToArray();
        if (storage.IsAside)
        {
            // It steps aside since then: who has no lock row, or has not read the entry under it, has to begin again.
            if (known.FirstOrDefault(one => one.Known!.IsAsMade || !connection.HasLockRow(one.Id))
                is { Known: not null } unsafeOne)
            {
                connection.Forget(unsafeOne.Id);
                throw new EntryChangedException(unsafeOne.Id);
            }
            known = [];
        }
        if (known.Length == 0)
        {
            Write(stock);
        }
        else if (_change is { Name: not null } change && !_isMore && connection.IsClaimed(change.Id))
        {
            WriteTogether(change, known[0].Known!);
        }
        else if (known.FirstOrDefault(one => one.Known!.IsAsMade) is { Known: not null } unread)
        {
            connection.Forget(unread.Id); // what it is checked by is not known before it is read
            throw new EntryChangedException(unread.Id);
        }
        else
        {
            WriteChecked([.. known.Select(one => (one.Id, one.Known!.StateId))]);
        }
    }

    private void WriteTogether(EntryChange change, KnownEntry entry)
    {
        connection.Forget(change.Id);
        (change.Expected, change.ExpectsAsMade) = (entry.StateId, entry.IsAsMade);
        change.RefusesStockServers = !connection.HasLockRow(change.Id);
        change.Counts = _counts;
        EntryAnswer answer;
        try
        {
            answer = storage.Changes.Write(change);
        }
        catch (PostgresException)
        {
            storage.LookAgain(hasStockServer: false);
            throw;
        }
        if (answer.StateId is not { } stateId)
        {
            storage.LookAgain(answer.HasStockServer);
            throw new EntryChangedException(change.Id);
        }
        connection.Remember(
            change.Id, entry with { State = change.Name, StateId = stateId, IsAsMade = false }, change.Name);
    }

    private void WriteChecked((long Id, long? StateId)[] known)
    {
        foreach (var (id, _) in known)
        {
            connection.Forget(id);
        }
        storage.InTransaction((store, on) =>
        {
            foreach (var (id, stateId) in known.OrderBy(one => one.Id))
            {
                var (isAsRead, hasStockServer) = storage.Entries.Lock(store, id, stateId);
                var needsRow = hasStockServer && !connection.HasLockRow(id);
                if (!isAsRead || needsRow)
                {
                    storage.LookAgain(needsRow);
                    throw new EntryChangedException(id);
                }
            }
            Write(on);
        });
        if (_change is { Name: not null } change)
        {
            connection.Remember(change.Id, entry: null, change.Name);
        }
    }

    private void Write(JobStorageConnection on)
    {
        using var transaction = (JobStorageTransaction)on.CreateWriteTransaction();
        foreach (var step in _steps)
        {
            step(transaction);
        }
        transaction.Commit();
    }

    private EntryChange Touch(string jobId, Action<JobStorageTransaction> step)
    {
        _steps.Add(step);
        var id = EntryConnection.ToNumber(jobId);
        _touched.Add(id);
        _change ??= new EntryChange(id);
        _isMore |= _change.Id != id;
        return _change;
    }

    private void Count(string key, int value, TimeSpan? expiresIn, Action<JobStorageTransaction> step)
    {
        _steps.Add(step);
        _counts.Add(new EntryCount(key, value, expiresIn));
    }

    private void More(Action<JobStorageTransaction> step)
    {
        _steps.Add(step);
        _isMore = true;
    }
}

using Hangfire.Common;
using Hangfire.States;
using Heimdall.Core.Database;

namespace Heimdall.Core.Queue.Storage;

/// <summary>
/// A change of the state of one entry, with all that changes with it. It is written as a whole or not at all.
/// </summary>
/// <param name="id">The entry.</param>
internal sealed class EntryChange(long id) : StoreWrite<EntryAnswer>(isDurable: false)
{
    public long Id => id;

    public override bool CanWait => true;

    public string? Name { get; private set; }

    public string? Reason { get; private set; }

    public string? Data { get; private set; }

    public DateTime CreatedAt { get; private set; }

    /// <summary>Whether it changes when the entry is deleted.</summary>
    public bool SetsExpiry { get; private set; }

    /// <summary>Null for never.</summary>
    public TimeSpan? ExpiresIn { get; private set; }

    /// <summary>What is counted with it.</summary>
    public IReadOnlyList<EntryCount> Counts { get; set; } = [];

    /// <summary>The state that the entry had when it was read.</summary>
    public long? Expected { get; set; }

    /// <summary>True when it was not read, and must have a state of the kind with which entries are made.</summary>
    public bool ExpectsAsMade { get; set; }

    /// <summary>
    /// True when the entry's lock was not taken as a row, which a server on the stock storage would see.
    /// </summary>
    public bool RefusesStockServers { get; set; }

    public void Set(IState state) => (Name, Reason, Data, CreatedAt) =
        (state.Name, state.Reason, SerializationHelper.Serialize(state.SerializeData()), DateTime.UtcNow);

    public void Expire(TimeSpan? expireIn) => (SetsExpiry, ExpiresIn) = (true, expireIn);
}

/// <summary>Something to be added to one of Hangfire's counters.</summary>
internal sealed record EntryCount(string Key, int Value, TimeSpan? ExpiresIn);

/// <summary>What became of a change.</summary>
/// <param name="StateId">The id of the new state; null when nothing is written.</param>
/// <param name="HasStockServer">Whether a server on the stock storage lives.</param>
internal readonly record struct EntryAnswer(long? StateId, bool HasStockServer);

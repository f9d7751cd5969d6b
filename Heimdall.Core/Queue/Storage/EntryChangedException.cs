namespace Heimdall.Core.Queue.Storage;

/// <summary>
/// A change of an entry was not written: somebody else has changed the entry since it was read. It must be decided
/// anew.
/// </summary>
public sealed class EntryChangedException(long id)
    : Exception($"Hangfire's entry {id} has been changed since it was read; the change is decided anew.");

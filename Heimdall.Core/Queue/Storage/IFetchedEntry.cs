using Heimdall.Core.Jobs;

namespace Heimdall.Core.Queue.Storage;

/// <summary>A fetched job of ours.</summary>
internal interface IFetchedEntry
{
    /// <summary>The job, when no attempt before this one has changed its entry; else null.</summary>
    Job? NewJob { get; }

    /// <summary>True when the job waits again, or is another slot's: nothing is changed any more.</summary>
    bool IsPutBack { get; }

    /// <param name="state">The state of the entry that was written; null while that is not known.</param>
    void Note(string? state);
}

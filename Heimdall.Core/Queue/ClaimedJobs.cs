using System.Collections.Concurrent;
using System.Diagnostics;
using Heimdall.Core.Jobs;

namespace Heimdall.Core.Queue;

/// <summary>
/// The jobs that this process has claimed: each from its claim until Hangfire's worker lets go of it. A claim is in the
/// name of this process and has a lease, which must be renewed from then on.
/// </summary>
public sealed class ClaimedJobs
{
    private readonly ConcurrentDictionary<Guid, ClaimedJob> _jobs = new();
    private readonly AsyncLocal<ClaimedJob?> _ofSlot = new();

    /// <summary>All of them: what this process must not take over from itself.</summary>
    public Guid[] Ids => [.. _jobs.Keys];

    /// <summary>Those that no runner has begun yet: nobody else renews their leases.</summary>
    public IReadOnlyList<Job> NotBegun => [.. _jobs.Values.Where(claim => !claim.HasBegun).Select(claim => claim.Job)];

    /// <summary>
    /// Hands a claimed job to the runner: from now on the attempt is the runner's to renew and to settle. Called by the
    /// slot that has taken it: Hangfire knows a job by its id, and a later claim of the same job has the same id.
    /// </summary>
    /// <returns>Null when this slot has not taken the job, when it was put back meanwhile, or when it runs already.</returns>
    public ClaimedJob? TryBegin(Guid jobId) =>
        _ofSlot.Value is { } claim && claim.Job.Id == jobId && claim.TryBegin() ? claim : null;

    /// <summary>Says that the calling slot has taken a job.</summary>
    internal void EnterSlot(ClaimedJob claim) => _ofSlot.Value = claim;

    internal ClaimedJob? Find(Guid jobId) => _jobs.GetValueOrDefault(jobId);

    /// <summary>
    /// Those that a slot has had for so long, and that still have not begun: their slots are stuck in Hangfire.
    /// </summary>
    internal IReadOnlyList<ClaimedJob> FindStuck(TimeSpan age) =>
        [.. _jobs.Values.Where(
            claim => !claim.HasBegun && claim.HandedOut is { } at && Stopwatch.GetElapsedTime(at) > age)];

    internal void Add(ClaimedJob claim) => _jobs[claim.Job.Id] = claim;

    internal void Remove(ClaimedJob claim) => _jobs.TryRemove(new(claim.Job.Id, claim));
}

/// <summary>A job that this process has claimed.</summary>
/// <param name="job">As it was claimed: with its attempt, its lease and, as this process, its worker.</param>
/// <param name="isTakeOver">
/// True when the runner of an earlier attempt has died, or has left open what became of it.
/// </param>
public sealed class ClaimedJob(Job job, bool isTakeOver)
{
    private int _isTaken;

    /// <summary>When a slot has got it, as <see cref="Stopwatch"/> counts; null before that.</summary>
    internal long? HandedOut { get; set; }

    public Job Job { get; internal set; } = job;

    public bool IsTakeOver => isTakeOver;

    internal bool HasBegun { get; private set; }

    /// <summary>True when it waits again, or somebody else has it: a slot that still has it must change nothing.</summary>
    internal bool IsPutBack { get; private set; }

    /// <summary>True once the state that follows from the answer is known to be written.</summary>
    internal bool IsShown { get; set; }

    /// <summary>What the runner has answered; null while it runs.</summary>
    internal JobAnswer? Answer { get; set; }

    /// <summary>Whether a state of Hangfire's entry is the one that follows from the answer.</summary>
    internal bool IsAnsweredBy(string? state) =>
        state is not null && Answer is { } answer && QueueStates.Of(answer)?.Name == state;

    internal bool TryBegin() => Interlocked.Exchange(ref _isTaken, 1) == 0 && (HasBegun = true);

    /// <returns>True when the runner never got the job: then it has to be put back.</returns>
    internal bool TryAbandon() => Interlocked.Exchange(ref _isTaken, 1) == 0 && (IsPutBack = true);
}

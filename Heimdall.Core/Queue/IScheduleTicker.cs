using Hangfire;

namespace Heimdall.Core.Queue;

/// <summary>
/// What Hangfire's recurring jobs call by name: a wire contract, like <see cref="IJobRunner"/>. A call is a hint to look at the schedule,
/// whose row says what is due; one that comes late, twice or not at all changes nothing of that.
/// </summary>
[AutomaticRetry(Attempts = 0)]
public interface IScheduleTicker
{
    /// <summary>The clock says that it is time.</summary>
    /// <exception cref="JobEndedBadlyException">The store is away; what is due is fired later.</exception>
    Task TickAsync(string scheduleId, CancellationToken cancellationToken);

    /// <summary>Somebody has asked for a run in Hangfire's dashboard.</summary>
    /// <exception cref="JobEndedBadlyException">There is no run, and why.</exception>
    Task TriggerAsync(string scheduleId, CancellationToken cancellationToken);
}

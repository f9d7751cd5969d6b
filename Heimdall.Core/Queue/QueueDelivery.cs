using Hangfire.Server;

namespace Heimdall.Core.Queue;

/// <summary>Tells the code that Hangfire calls which of its jobs it is called for: at least once, so it may have to know it again.</summary>
internal sealed class QueueDelivery : IServerFilter
{
    private readonly AsyncLocal<string?> _key = new();

    /// <summary>The same for each delivery of one job of Hangfire's; null outside of such a call. Ids begin anew with Hangfire's tables, times do not.</summary>
    public string? Key => _key.Value;

    public void OnPerforming(PerformingContext context) => _key.Value = $"hangfire {context.BackgroundJob.Id} {context.BackgroundJob.CreatedAt:O}";

    public void OnPerformed(PerformedContext context) => _key.Value = null;
}

using Hangfire.Server;

namespace Heimdall.Core.Queue;

/// <summary>Tells the code that Hangfire calls which of its jobs it is called for: at least once, so it may have to know it again.</summary>
internal sealed class QueueDelivery : IServerFilter
{
    private readonly AsyncLocal<string?> _key = new();
    private readonly AsyncLocal<string?> _pressedBy = new();

    /// <summary>The same for each delivery of one job of Hangfire's; null outside of such a call. Ids begin anew with Hangfire's tables, times do not.</summary>
    public string? Key => _key.Value;

    /// <summary>Who has asked for it by a button of Hangfire's pages; null where nobody has.</summary>
    public string? PressedBy => _pressedBy.Value;

    public void OnPerforming(PerformingContext context)
    {
        _key.Value = $"hangfire {context.BackgroundJob.Id} {context.BackgroundJob.CreatedAt:O}";
        _pressedBy.Value = context.BackgroundJob.Job?.Type == typeof(IScheduleTicker)
            ? context.GetJobParameter<string>(DashboardUser.Parameter)
            : null;
    }

    public void OnPerformed(PerformedContext context) => (_key.Value, _pressedBy.Value) = (null, null);
}

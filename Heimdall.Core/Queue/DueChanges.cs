using Heimdall.Core.Database;

namespace Heimdall.Core.Queue;

/// <summary>Hears when a recurring job is added or changed, by any process: it may be due sooner than all others.</summary>
public sealed class DueChanges : IDisposable
{
    internal const string AnnounceSql = $"select pg_notify('{Channel}', '')";

    private const string Channel = "heimdall_due";

    private readonly AutoResetEvent _changed = new(initialState: false);

    public DueChanges(StoreNotifications notifications) => notifications.Listen(Channel, _ => _changed.Set());

    public void Dispose() => _changed.Dispose();

    /// <summary>Waits for a change. One that came since the last wait ends it at once.</summary>
    internal void Wait(TimeSpan atMost, CancellationToken cancellationToken) =>
        WaitHandle.WaitAny([_changed, cancellationToken.WaitHandle], atMost);
}

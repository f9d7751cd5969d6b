using Hangfire.States;

namespace Heimdall.Core.Queue;

/// <summary>Tells Hangfire that an attempt has failed and the job is to be delivered once more: its dashboard shows it as scheduled, not failed.</summary>
/// <param name="delay">How long it waits.</param>
/// <param name="message">What the dashboard shows.</param>
public sealed class JobWaitsAgainException(TimeSpan delay, string message) : Exception(message)
{
    public TimeSpan Delay { get; } = delay;

    internal IState ToState() => new ScheduledState(Delay) { Reason = Message };
}

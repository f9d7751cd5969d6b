namespace Heimdall.Core.Queue;

/// <summary>Tells Hangfire how a job ended, so that its dashboard says the same as Heimdall.</summary>
/// <param name="canceled">True when the job was stopped by its owner: Hangfire then shows it as deleted, not failed.</param>
/// <param name="message">What the dashboard shows.</param>
public sealed class JobEndedBadlyException(bool canceled, string message) : Exception(message)
{
    public bool Canceled { get; } = canceled;
}

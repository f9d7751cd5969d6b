namespace Heimdall.Core.Queue;

/// <summary>Has Hangfire show a call as failed, with this message and without a stack trace.</summary>
/// <param name="message">What the dashboard shows.</param>
public sealed class JobEndedBadlyException(string message) : Exception(message);

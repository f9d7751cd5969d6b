namespace Heimdall.Core.Queue;

/// <summary>Tells Hangfire that the process stops before the drain time is over, and that the job waits again.</summary>
public sealed class JobHandedBackException() : Exception("The worker was told to stop at once; the job waits for another.");

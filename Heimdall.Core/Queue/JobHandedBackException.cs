namespace Heimdall.Core.Queue;

/// <summary>Tells Hangfire that the job waits again because the process stops, when Hangfire itself has not asked for it.</summary>
public sealed class JobHandedBackException() : Exception("The worker was told to stop; the job waits for another.");

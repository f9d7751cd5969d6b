namespace Heimdall.Core.Plugins;

/// <summary>The job belongs to a newer attempt: whatever this one was doing must be rolled back and forgotten.</summary>
public sealed class AttemptLostException(Guid jobId, int attempt)
    : Exception($"Attempt {attempt} of job {jobId} is no longer the current one.");

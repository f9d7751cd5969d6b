namespace Heimdall.Core.Results.Chunks;

/// <summary>A stored result cannot be read. The message holds the system's words and is for the log only.</summary>
public sealed class ResultStorageException(string message, bool isLost, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>True when rows are gone or damaged: trying again does not help.</summary>
    public bool IsLost { get; } = isLost;
}

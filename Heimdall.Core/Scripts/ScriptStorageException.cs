namespace Heimdall.Core.Scripts;

/// <summary>The directory of scripts does not do what it is there for. The message holds the system's words and is for the log only.</summary>
public sealed class ScriptStorageException(Exception cause) : Exception(cause.Message, cause)
{
    // errno, which is what .NET has as the result of an error that it knows no exception for.
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;

    /// <summary>True when there is no room for another file.</summary>
    public bool IsFull { get; } = cause is IOException { HResult: NoSpace or QuotaExceeded };
}

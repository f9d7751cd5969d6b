namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>The session is over: the server has ended it, or the connection broke.</summary>
/// <param name="cause">What the server said last, or how the connection broke.</param>
internal sealed class SessionBrokenException(Exception cause) : Exception("The session is over.", cause)
{
    public Exception Cause => InnerException!;
}

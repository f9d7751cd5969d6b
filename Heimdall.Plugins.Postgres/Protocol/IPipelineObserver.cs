using Npgsql;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// Hears what became of a pipeline's statements, in their order, on one thread at a time that is not the sender's.
/// Owners are the objects that the statements were sent for.
/// </summary>
internal interface IPipelineObserver
{
    void OnDone(object owner, CommandOutcome outcome, TimeSpan elapsed);

    /// <param name="error">What the server said.</param>
    /// <param name="owner">Whose error it is; null when none ran.</param>
    /// <param name="text">Of the statement; valid during the call.</param>
    /// <param name="isInCopy">Whether it came while a COPY took data or gave them.</param>
    void OnFailed(PostgresException error, object? owner, ReadOnlySpan<byte> text, bool isInCopy);

    /// <param name="isInBlock">Whether a transaction block is open, as the server says when all that came before is
    /// answered.</param>
    void OnReady(bool isInBlock);

    void OnNotice(PostgresNotice notice, object? owner);
}

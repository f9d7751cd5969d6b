using Heimdall.Plugins.Postgres.Scripts;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Wire;

/// <summary>Hears what the server answers, in the order in which it does, on one thread at a time that is not the sender's.</summary>
internal interface IPipelineObserver
{
    void OnDone(ScriptStatement statement, CommandOutcome outcome, TimeSpan elapsed);

    /// <param name="error">What the server said.</param>
    /// <param name="statement">Whose error it is; null when none ran.</param>
    /// <param name="text">Of the statement; valid during the call.</param>
    void OnFailed(PostgresException error, ScriptStatement? statement, ReadOnlySpan<byte> text);

    /// <param name="isInBlock">Whether a transaction block is open, as the server says when all that came before is answered.</param>
    void OnReady(bool isInBlock);

    void OnNotice(PostgresNotice notice, ScriptStatement? statement);
}

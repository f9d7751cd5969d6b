using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Protocol;
using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Sessions;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Decides how a statement may be sent so that the mode's promise holds. Asked once for each, in order.
/// </summary>
internal interface ISendPolicy
{
    /// <exception cref="JobFailedException">The mode does not allow the statement.</exception>
    SendMode Of(ScriptStatement statement, int length);

    /// <summary>
    /// Notes, when all has been answered, whether a transaction block is open, and whether a text of several statements
    /// has committed.
    /// </summary>
    /// <exception cref="JobFailedException">The mode's promise cannot be kept any more.</exception>
    void OnAnswered(bool isInBlock, bool hasCommitted);
}

/// <summary>How a statement is sent.</summary>
internal enum SendMode
{
    /// <summary>Without waiting; an error before it keeps it from being executed.</summary>
    Pipelined,

    /// <summary>The same, in a transaction block of its own.</summary>
    PipelinedInTransaction,

    /// <summary>Without waiting; executed whatever became of what was sent before it.</summary>
    PipelinedSimple,

    /// <summary>After everything before it has been answered, and answered before anything behind it.</summary>
    Exclusive,
}

/// <summary>What holds for statements in every mode.</summary>
internal static class SendPolicy
{
    /// <summary>
    /// From this length on (bytes) a plain Query is the cheaper way: the extended protocol copies what it has parsed,
    /// and what it saves, an answer sent by itself for each statement, no longer matters.
    /// </summary>
    private const int LongStatement = 4096;

    /// <summary>
    /// COPY talks with the client, a text of several statements may hold one, and a very long text is not kept until it
    /// is answered.
    /// </summary>
    public static bool MustBeExclusive(ScriptStatement statement, int length) =>
        statement.Kind is ScriptStatementKind.CopyFromStdin or ScriptStatementKind.CopyToStdout
            || !statement.CanBeParsed || !PipelineChunk.Fits(length);

    /// <param name="statement">In an open transaction block.</param>
    /// <param name="length">Of its text in bytes.</param>
    /// <param name="modeOfLong">The policy's mode for long ones.</param>
    public static SendMode InBlock(ScriptStatement statement, int length, SendMode modeOfLong) =>
        MustBeExclusive(statement, length)
            ? SendMode.Exclusive
            : length >= LongStatement ? modeOfLong : SendMode.Pipelined;

    /// <summary>How a statement is refused, with its place.</summary>
    public static JobFailure Refused(ScriptStatement statement, string message) =>
        new()
        {
            Kind = JobFailureKind.Refused,
            Message = $"Line {statement.Line}: {message}",
            Errors =
            [
                new StatementError
                {
                    Statement = statement.Number,
                    File = statement.File,
                    Line = statement.Line,
                    Column = statement.Column,
                    Message = message,
                },
            ],
        };
}

/// <summary>
/// All in one transaction that is Heimdall's: after an error the server refuses the rest, however it was sent.
/// </summary>
/// <param name="sharesBackends">Whether the session's backend serves others after the transaction.</param>
internal sealed class SingleTransactionPolicy(bool sharesBackends) : ISendPolicy
{
    /// <summary>Whether all statements leave nothing in the session that a reset does not take away.</summary>
    public bool LeavesNothing { get; private set; } = true;

    public SendMode Of(ScriptStatement statement, int length)
    {
        LeavesNothing &= statement.LeavesNothing;
        return ModeOf(statement, length);
    }

    public void OnAnswered(bool isInBlock, bool hasCommitted)
    {
        if (!isInBlock || hasCommitted)
        {
            throw BatchCommit.TransactionEnded();
        }
    }

    /// <returns>Why the mode does not allow a statement; null when that is left to the server.</returns>
    public static JobFailure? Refuse(ScriptStatement statement)
    {
        if (statement.Kind != ScriptStatementKind.TransactionControl && !statement.HidesControl)
        {
            return null;
        }

        var what = statement.HidesControl ? "Transaction control behind \\;" : statement.Tag;
        var message =
            $"{what} is not allowed: the whole script is one transaction, which Heimdall commits at its end "
            + "(SAVEPOINT is allowed); leave it out, or use transaction: none.";
        return SendPolicy.Refused(statement, message);
    }

    private SendMode ModeOf(ScriptStatement statement, int length) => statement switch
    {
        _ when Refuse(statement) is { } refusal => throw new JobFailedException(refusal),
        { OutlivesTransaction: { } what } when sharesBackends =>
            throw new JobFailedException(SendPolicy.Refused(statement, SharedBackendRules.Refuse(what))),
        _ => SendPolicy.InBlock(statement, length, SendMode.PipelinedSimple),
    };
}

/// <summary>
/// Each statement commits by itself and the first error is the end. Nothing is sent that the server would execute after
/// an error: outside the script's own transaction blocks a statement gets a block, because without a Sync in between
/// only a COMMIT commits.
/// </summary>
internal sealed class StopOnErrorPolicy : ISendPolicy
{
    private bool _isInBlock;

    public SendMode Of(ScriptStatement statement, int length)
    {
        if (statement.Step != BlockStep.None)
        {
            _isInBlock = statement.Step switch
            {
                BlockStep.Begin => true,
                BlockStep.End => false,
                _ => _isInBlock,
            };
            return SendMode.Pipelined;
        }

        return (_isInBlock, statement) switch
        {
            (true, _) => SendPolicy.InBlock(statement, length, SendMode.Exclusive),
            (false, { RunsInBlock: true, Kind: ScriptStatementKind.Sql })
                when SendPolicy.InBlock(statement, length, SendMode.Exclusive) == SendMode.Pipelined =>
                    SendMode.PipelinedInTransaction,
            _ => SendMode.Exclusive,
        };
    }

    public void OnAnswered(bool isInBlock, bool hasCommitted) => _isInBlock = isInBlock;
}

/// <summary>Each statement as psql sends it, whatever became of those before it.</summary>
internal sealed class ContinueOnErrorPolicy : ISendPolicy
{
    public SendMode Of(ScriptStatement statement, int length) =>
        SendPolicy.MustBeExclusive(statement, length) ? SendMode.Exclusive : SendMode.PipelinedSimple;

    public void OnAnswered(bool isInBlock, bool hasCommitted)
    {
    }
}

using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>Says which way a statement may go to the server so that the mode's promise holds. Asked once for each, in order.</summary>
internal interface IStatementRoute
{
    /// <exception cref="JobFailedException">The mode does not allow the statement.</exception>
    StatementWay Of(ScriptStatement statement, int length);

    /// <summary>Told, when all has been answered, whether a transaction block is open, and whether a text of several statements has committed.</summary>
    /// <exception cref="JobFailedException">The mode's promise cannot be kept any more.</exception>
    void Adopt(bool isInBlock, bool hasCommitted);
}

/// <summary>How a statement is sent.</summary>
internal enum StatementWay
{
    /// <summary>Without waiting; an error before it keeps it from being executed.</summary>
    Ahead,

    /// <summary>The same, in a transaction block of its own.</summary>
    AheadInBlock,

    /// <summary>Without waiting; executed whatever became of what was sent before it.</summary>
    AheadAsQuery,

    /// <summary>After everything before it has been answered, and answered before anything behind it.</summary>
    Alone,
}

/// <summary>All in one transaction that is Heimdall's: after an error the server refuses the rest, however it was sent.</summary>
internal sealed class SingleTransactionRoute : IStatementRoute
{
    public StatementWay Of(ScriptStatement statement, int length) => statement switch
    {
        _ when Refuse(statement) is { } refusal => throw new JobFailedException(refusal),
        _ => StatementRoutes.WayInBlock(statement, length, StatementWay.AheadAsQuery),
    };

    public void Adopt(bool isInBlock, bool hasCommitted)
    {
        if (!isInBlock || hasCommitted)
        {
            throw BatchCommit.TransactionEnded();
        }
    }

    /// <returns>Why the mode does not allow a statement; null when that is left to the server.</returns>
    public static JobFailure? Refuse(ScriptStatement statement)
    {
        if (statement.Kind != ScriptStatementKind.TransactionControl)
        {
            return null;
        }

        var message = $"{statement.Tag} is not allowed: the whole script is one transaction, which Heimdall commits at its end (SAVEPOINT is allowed); leave it out, or use transaction: none.";
        return new JobFailure
        {
            Kind = JobFailureKind.Refused,
            Message = $"Line {statement.Line}: {message}",
            Errors = [new StatementError { Statement = statement.Number, Line = statement.Line, Column = statement.Column, Message = message }],
        };
    }
}

/// <summary>
/// Each statement commits by itself and the first error is the end. Nothing is sent that the server would execute after an error: outside
/// the script's own transaction blocks a statement gets a block, because without a Sync in between only a COMMIT commits.
/// </summary>
internal sealed class StopOnErrorRoute : IStatementRoute
{
    private bool _isInBlock;

    public StatementWay Of(ScriptStatement statement, int length)
    {
        if (statement.Step != BlockStep.None)
        {
            _isInBlock = statement.Step switch
            {
                BlockStep.Begin => true,
                BlockStep.End => false,
                _ => _isInBlock,
            };
            return StatementWay.Ahead;
        }

        return (_isInBlock, statement) switch
        {
            (true, _) => StatementRoutes.WayInBlock(statement, length, StatementWay.Alone),
            (false, { RunsInBlock: true, Kind: ScriptStatementKind.Sql }) when StatementRoutes.WayInBlock(statement, length, StatementWay.Alone) == StatementWay.Ahead => StatementWay.AheadInBlock,
            _ => StatementWay.Alone,
        };
    }

    public void Adopt(bool isInBlock, bool hasCommitted) => _isInBlock = isInBlock;
}

/// <summary>Each statement as psql sends it, whatever became of those before it.</summary>
internal sealed class ContinueOnErrorRoute : IStatementRoute
{
    public StatementWay Of(ScriptStatement statement, int length) =>
        StatementRoutes.MustBeAlone(statement, length) ? StatementWay.Alone : StatementWay.AheadAsQuery;

    public void Adopt(bool isInBlock, bool hasCommitted)
    {
    }
}

using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Protocol;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Reads a script and sends its statements, so that the server does what it would do if psql had sent them one by one.
/// What may go ahead of an answer, and how, is all that the modes differ in.
/// </summary>
internal sealed class ScriptPlayer(
    ScriptScanner scanner,
    ProtocolSession session,
    Pipeline pipeline,
    BatchJournal journal,
    ISendPolicy policy,
    ScriptResumption? resumption,
    Func<CancellationToken, Task> beforeFirst)
{
    private string? _lastTag;
    private bool _hasBegun;
    private bool _hasChangedReading;

    /// <summary>Plays the script to its end, or to its first error where that is the end.</summary>
    /// <exception cref="ScriptException">The script cannot be read on. What came before it has been
    /// answered.</exception>
    /// <exception cref="JobFailedException">A statement is not allowed here. What came before it has been
    /// answered.</exception>
    /// <exception cref="SessionBrokenException">The session is over.</exception>
    public async Task PlayAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (!pipeline.HasFailed && await scanner.ReadAsync(cancellationToken) is { } statement)
            {
                if (resumption is not null && await resumption.PassesOverAsync(statement, scanner, cancellationToken))
                {
                    continue;
                }

                if (!_hasBegun && !IsHarmlessSetting(statement))
                {
                    _hasBegun = true;
                    await pipeline.DrainAsync();
                    if (pipeline.HasFailed)
                    {
                        break; // what is asked before the first statement would be refused for the same error
                    }

                    await beforeFirst(cancellationToken);
                }

                await PlayAsync(statement, cancellationToken);
                journal.ReadTo(scanner.BytesRead);
            }
        }
        finally
        {
            await pipeline.DrainAsync();
        }

        journal.ReadTo(scanner.BytesRead);
    }

    private async ValueTask PlayAsync(ScriptStatement statement, CancellationToken cancellationToken)
    {
        switch (policy.Of(statement, scanner.Text.Length))
        {
            case SendMode.Pipelined:
                await ExecuteAsync(statement, inBlock: false);
                break;
            case SendMode.PipelinedInTransaction:
                await ExecuteAsync(statement, inBlock: true);
                break;
            case SendMode.PipelinedSimple:
                await pipeline.QueryAsync(statement, scanner.Text);
                break;
            default:
                await RunAloneAsync(statement, cancellationToken);
                return;
        }

        if (statement.MayChangeReading
            || (_hasChangedReading && (statement.Step != BlockStep.None || !scanner.StandardConformingStrings)))
        {
            await pipeline.DrainAsync();
            Adopt(statement);
        }
    }

    private async ValueTask ExecuteAsync(ScriptStatement statement, bool inBlock)
    {
        // In the moment in which it is executed, nothing may be on its way that the server would not skip after an
        // error: see BlockStep.
        if (statement.Step is BlockStep.Restore && session.HasReadyOut)
        {
            await pipeline.DrainAsync();
        }

        var isOneOfMany = !inBlock && statement.Tag == "INSERT" && _lastTag == "INSERT";
        _lastTag = statement.Tag;
        await pipeline.ExecuteAsync(statement, scanner.Text, inBlock, isOneOfMany);
    }

    /// <summary>
    /// SET TRANSACTION must come before any query, also one of ours, and other settings and locks may stand before it;
    /// none has an effect that outlives the session. But the session must not lose the name by which it is found before
    /// it is known by another sign.
    /// </summary>
    private static bool IsHarmlessSetting(ScriptStatement statement) =>
        statement.Tag is ("SET" or "RESET" or "SET CONSTRAINTS" or "LOCK TABLE") && !statement.MayRename;

    private async ValueTask RunAloneAsync(ScriptStatement statement, CancellationToken cancellationToken)
    {
        await pipeline.DrainAsync();
        if (pipeline.HasFailed)
        {
            return;
        }

        pipeline.ExpectsCopy = true;
        await pipeline.QueryAsync(statement, scanner.Text);
        while (await pipeline.WaitForCopyAsync())
        {
            await FeedCopyAsync(cancellationToken);
        }

        await pipeline.DrainAsync();
        pipeline.ExpectsCopy = false;
        journal.CopyDataLine = null;
        policy.OnAnswered(session.Transaction != TransactionStatus.Idle, pipeline.HasCommitted);
        Adopt(statement);
    }

    private async ValueTask FeedCopyAsync(CancellationToken cancellationToken)
    {
        if (pipeline.WantsBinary)
        {
            await pipeline.FailCopyAsync(
                "binary COPY is not possible in a script, which is text; use the text or the CSV format");
            return;
        }

        try
        {
            await scanner.BeginCopyDataAsync(cancellationToken);
            journal.CopyDataLine = scanner.CopyDataLine;
            await scanner.CopyDataAsync(
                async (data, _) =>
                {
                    await pipeline.CopyAsync(data);
                    journal.ReadTo(scanner.BytesRead);
                },
                cancellationToken);
        }
        catch (Exception e) when (e is ScriptException or JobFailedException or OperationCanceledException)
        {
            await pipeline.FailCopyAsync(e is OperationCanceledException ? "the job was stopped" : e.Message);
            throw;
        }

        await pipeline.CompleteCopyAsync();
    }

    /// <summary>
    /// What the server says now of how strings and characters are written holds for what is read next.
    /// </summary>
    private void Adopt(ScriptStatement statement)
    {
        var isUtf8 = !ClientEncodings.IsSingleByte(session.ClientEncoding);
        if (scanner.StandardConformingStrings == session.StandardConformingStrings && scanner.IsUtf8 == isUtf8
            && ClientEncodings.CanBeScanned(session.ClientEncoding))
        {
            return;
        }

        _hasChangedReading = true;
        scanner.StandardConformingStrings = session.StandardConformingStrings;
        scanner.IsUtf8 = isUtf8;
        if (!ClientEncodings.CanBeScanned(session.ClientEncoding))
        {
            throw new ScriptException(
                $"A script in the encoding {session.ClientEncoding} cannot be split into statements safely: "
                + "convert it to UTF-8, and leave out the SET client_encoding.",
                statement.Line,
                statement.Column);
        }
    }
}

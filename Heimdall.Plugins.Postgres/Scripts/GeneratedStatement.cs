using System.Runtime.InteropServices;
using Heimdall.Plugins.Postgres.Rules;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>Says what a text is that a script has made, and that the server is sent as it is.</summary>
internal static class GeneratedStatement
{
    public static async ValueTask<ScriptStatement> ReadAsync(
        ReadOnlyMemory<byte> text,
        bool standardStrings,
        bool noticesWords,
        StatementRules? rules,
        CancellationToken cancellationToken)
    {
        MemoryMarshal.TryGetArray(text, out var bytes);
        await using var scanner = new ScriptScanner(
            new MemoryStream(bytes.Array!, bytes.Offset, bytes.Count), noticesWords: noticesWords, rules: rules)
        {
            StandardConformingStrings = standardStrings,
        };
        ScriptStatement? last = null;
        ScriptStatementKind? first = null;
        var (count, hidesControl, copies) = (0, false, 0);
        var (mayWrite, mayChangeReading, mayRename) = (false, false, false);
        string? outlives = null, ruleProblem = null, windowedDdl = null;
        try
        {
            while (await scanner.ReadAsync(cancellationToken) is { } statement)
            {
                hidesControl |= statement.Kind == ScriptStatementKind.TransactionControl;
                first ??= statement.Kind;
                (last, count, copies) = (statement, count + 1, copies + statement.CopiesIn);
                mayWrite |= statement.MayWrite;
                mayChangeReading |= statement.MayChangeReading;
                mayRename |= statement.MayRename;
                outlives ??= statement.OutlivesTransaction;
                ruleProblem ??= statement.RuleProblem;
                windowedDdl ??= statement.WindowedDdl;
            }
        }
        catch (ScriptException)
        {
            // The server says what is wrong with it.
        }

        last ??= new ScriptStatement
        {
            Number = 0, Line = 0, Column = 0, Tag = "???", Kind = ScriptStatementKind.Sql,
        };
        return count <= 1
            ? last with { RuleProblem = ruleProblem, WindowedDdl = windowedDdl }
            : last with
            {
                HasParts = true,
                KindOfFirst = first!.Value,
                HidesControl = hidesControl,
                CanBeParsed = false,
                RunsInBlock = false,
                Step = BlockStep.None,
                CopiesIn = copies,
                OutlivesTransaction = outlives,
                RuleProblem = ruleProblem,
                WindowedDdl = windowedDdl,
                MayWrite = mayWrite,
                MayChangeReading = mayChangeReading,
                MayRename = mayRename,
                LeavesNothing = false,
            };
    }
}

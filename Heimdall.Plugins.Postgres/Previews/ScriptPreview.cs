using System.Text;
using System.Text.RegularExpressions;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Batches;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Previews;

/// <summary>
/// Reads a script as a run would, and lists its statements without asking the server: of settings that change how a
/// script is read, only a plain SET of standard_conforming_strings is followed.
/// </summary>
internal sealed partial class ScriptPreview(JobSettings settings)
{
    /// <summary>A SET of that setting is not longer.</summary>
    private const int LongestSetting = 1000;

    private readonly List<PreviewedStatement> _statements = [];
    private readonly List<StatementError> _errors = [];
    private JobFailure? _firstFailure;
    private long _failed;
    private long _total;

    private bool IsOneTransaction => !settings.ReturnResult && settings.Transaction == TransactionMode.Single;

    /// <exception cref="JobFailedException">The script cannot be split to its end, or has statements that its mode does
    /// not allow.</exception>
    public async Task<JobPreview> ReadAsync(ScriptStream script, CancellationToken cancellationToken)
    {
        var scanner = NewScanner(script);
        try
        {
            while (await scanner.ReadAsync(cancellationToken) is { } statement)
            {
                Add(statement);
                Follow(statement, scanner);
                if (statement.Kind == ScriptStatementKind.CopyFromStdin)
                {
                    // Begun, so that it is not read as SQL; the next statement is behind it.
                    await scanner.BeginCopyDataAsync(cancellationToken);
                }
            }
        }
        catch (ScriptException e)
        {
            Refuse(new JobFailure
            {
                Kind = JobFailureKind.Refused,
                Message = e.Message,
                Errors = [new StatementError { Line = e.Line, Column = e.Column, Message = e.Message }],
            });
        }

        if (_firstFailure is { } failure)
        {
            throw new JobFailedException(failure with
            {
                Message = _failed == 1
                    ? failure.Message
                    : $"{_failed} statements cannot be run so; the first: {failure.Message}",
                Errors = _errors,
            });
        }

        return script.HasChanged
            ? throw new JobFailedException(
                JobFailureKind.Refused, "The script was changed while it was read; try again when it is complete.")
            : new JobPreview
            {
                ReturnResult = settings.ReturnResult,
                Sha256 = script.Sha256,
                Statements = _statements,
                StatementsTotal = _total,
            };
    }

    /// <returns>Why the script cannot be gone on with there; null when it can.</returns>
    /// <exception cref="JobFailedException">The statement to go on with cannot be the first.</exception>
    public async Task<string?> FindResumeProblemAsync(
        ScriptStream script, ScriptResumption resumption, CancellationToken cancellationToken)
    {
        var scanner = NewScanner(script);
        try
        {
            while (resumption.Problem is not null && await scanner.ReadAsync(cancellationToken) is { } statement)
            {
                await resumption.PassesOverAsync(statement, scanner, cancellationToken);
                Follow(statement, scanner);
            }
        }
        catch (ScriptException e)
        {
            return e.Message;
        }

        return resumption.Problem;
    }

    private ScriptScanner NewScanner(ScriptStream script) => new(script, settings.Variables)
    {
        OnStrayTerminator = settings.OnError == OnError.Continue ? IgnoreTerminator : null,
    };

    private static void IgnoreTerminator(ScriptLocation place) { }

    private void Add(ScriptStatement statement)
    {
        _total++;
        if (_statements.Count < JobPreview.MostListed)
        {
            _statements.Add(new PreviewedStatement(statement.Number, statement.Line, statement.Column, statement.Tag));
        }

        if (IsOneTransaction && (SingleTransactionPolicy.Refuse(statement) ?? RefuseAsServer(statement)) is { } refusal)
        {
            Refuse(refusal);
        }
    }

    private static JobFailure? RefuseAsServer(ScriptStatement statement) =>
        statement.Kind == ScriptStatementKind.OutsideTransaction
        ? PostgresErrors.InTransaction(
            statement.Tag,
            new StatementError
            {
                Statement = statement.Number,
                Line = statement.Line,
                Message = "",
                Hint = BatchJournal.Hint,
            })
        : null;

    private void Refuse(JobFailure failure)
    {
        _firstFailure ??= failure;
        _failed++;
        if (_errors.Count < StatementError.MostKept)
        {
            _errors.AddRange(failure.Errors);
        }
    }

    private static void Follow(ScriptStatement statement, ScriptScanner scanner)
    {
        if (statement.MayChangeReading && scanner.Text.Length <= LongestSetting
            && Setting().Match(Encoding.Latin1.GetString(scanner.Text.Span)) is { Success: true } match)
        {
            scanner.StandardConformingStrings = match.Groups["value"].Value.ToUpperInvariant() is not (
                "OFF" or "FALSE" or "NO" or "0");
        }
    }

    [GeneratedRegex(
        @"^(re)?set\s+((session|local)\s+)?standard_conforming_strings\b(\s*(=|to\b)\s*'?(?<value>\w+))?",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Setting();
}

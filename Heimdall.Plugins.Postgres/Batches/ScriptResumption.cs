using System.Text;
using System.Text.RegularExpressions;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Passes over the statements of a script that an earlier job has done. They are read all the same, so that what follows is read and
/// counted as it was; and settings, which ended with that job's session, are made once more.
/// </summary>
internal sealed partial class ScriptResumption(long first)
{
    /// <summary>Why a script cannot be gone on with that is not what an earlier job ran.</summary>
    public const string ScriptChanged = "The script has changed since the job ran that is to be gone on with: its statements are not those that were done. Nothing was run.";

    /// <summary>A setting is not longer, unless it is no plain one.</summary>
    private const int LongestSetting = 4096;

    private long _seen;
    private long? _openBlock;

    /// <summary>The first statement that is run.</summary>
    public long First => first;

    /// <summary>Why the script, which has been read to its end, has no such statement; null when it has.</summary>
    public string? Problem => _seen >= first ? null : $"The script has {_seen} statements, so there is no statement {first} to go on with.";

    /// <summary>Asked once for each statement, in order.</summary>
    /// <exception cref="JobFailedException">The statement to go on with cannot be the first.</exception>
    public async ValueTask<bool> PassesOverAsync(ScriptStatement statement, ScriptScanner scanner, CancellationToken cancellationToken)
    {
        _seen = statement.Number;
        if (_seen >= first)
        {
            return _openBlock is { } begin && _seen == first
                ? throw new JobFailedException(
                    JobFailureKind.Refused,
                    $"Statement {first} is within the transaction block that begins with statement {begin}, and only the whole block can be run: go on with statement {begin}.")
                : false;
        }

        _openBlock = statement.Step switch
        {
            BlockStep.Begin => _openBlock ?? statement.Number,
            BlockStep.End => null,
            _ => _openBlock,
        };
        if (IsSetting(statement, scanner.Text.Span))
        {
            return false;
        }

        if (statement.Kind == ScriptStatementKind.CopyFromStdin)
        {
            // Begun, so that it is not read as SQL; the next statement is behind it.
            await scanner.BeginCopyDataAsync(cancellationToken);
        }

        return true;
    }

    // Not SET LOCAL and the like, which ended with their transaction.
    private static bool IsSetting(ScriptStatement statement, ReadOnlySpan<byte> text) =>
        statement.Tag is "SET" or "RESET" or "SELECT" && text.Length <= LongestSetting && Setting().IsMatch(Encoding.Latin1.GetString(text));

    // Of SELECT only what pg_dump writes: a call with nothing but literals.
    [GeneratedRegex(
        @"^(re)?set\s+(?!(local|transaction|constraints)\b)|^select\s+(pg_catalog\s*\.\s*)?set_config\s*\(\s*'[^'\\]*'\s*,\s*'[^'\\]*'\s*,\s*false\s*\)$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Setting();
}

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
    /// <summary>Why a script cannot be resumed that is not what an earlier job ran.</summary>
    public const string ScriptChanged =
        "The script has changed since the job ran that is to be resumed: its statements are not those that were done. "
        + "Nothing was run.";

    /// <summary>Why a script cannot begin in its middle.</summary>
    /// <param name="what">What takes values from the server.</param>
    public static string TakesAnswers(string what) =>
        $"The script takes values from the server ({what}), which a job that begins in its middle would not have: run "
        + "it as a whole.";

    /// <summary>A setting is not longer, unless it is no plain one.</summary>
    private const int LongestSetting = 4096;

    private long _seen;
    private long? _openBlock;

    /// <summary>The first statement that is run.</summary>
    public long First => first;

    /// <summary>Why the script, which has been read to its end, has no such statement; null when it has.</summary>
    public string? Problem => _seen >= first
        ? null
        : $"The script has {_seen} statements, so there is no statement {first} to resume from.";

    /// <summary>Notes that a new session is outside of any block.</summary>
    public void LeaveBlock() => _openBlock = null;

    /// <summary>Asked once for each statement, in order.</summary>
    /// <exception cref="JobFailedException">The statement to resume from cannot be the first.</exception>
    /// <param name="statement">The statement.</param>
    /// <param name="text">Of it.</param>
    /// <param name="autocommits">Whether a statement of its own is its own transaction.</param>
    public bool PassesOver(ScriptStatement statement, ReadOnlySpan<byte> text, bool autocommits)
    {
        _seen = statement.Number;
        if (_seen == first && statement.HidesControl)
        {
            throw new JobFailedException(
                JobFailureKind.Refused,
                $"Statement {first} is several commands, of which one opens or ends a transaction: how much of it is "
                + "done is not known. Run the script as a whole.");
        }

        if (_seen >= first)
        {
            return _openBlock is { } begin && _seen == first
                ? throw new JobFailedException(
                    JobFailureKind.Refused,
                    $"Statement {first} is within the transaction block that begins with statement {begin}, and only "
                    + $"the whole block can be run: resume from statement {begin}.")
                : false;
        }

        if (statement.HidesControl || !autocommits)
        {
            throw new JobFailedException(
                JobFailureKind.Refused,
                $"Whether statement {statement.Number} has left a transaction block open is not known: run the script "
                + "as a whole.");
        }

        _openBlock = statement.Step switch
        {
            BlockStep.Begin => _openBlock ?? statement.Number,
            BlockStep.End => null,
            _ => _openBlock,
        };
        if (IsSetting(statement, text))
        {
            return false;
        }

        if (statement.MayChangeReading && statement.HasParts)
        {
            throw new JobFailedException(
                JobFailureKind.Refused,
                $"Statement {statement.Number} is several commands, of which one may be a setting that ended with the "
                + "session before. Run the script as a whole.");
        }

        return !statement.MayChangeReading || !ScriptReading.NamesStrings(text)
            ? true
            : throw new JobFailedException(
                JobFailureKind.Refused,
                $"Statement {statement.Number} may change how strings are read, and it is done already: what stands "
                + "behind it cannot be read as it was. Run the script as a whole.");
    }

    /// <summary>
    /// Whether a statement does nothing but set what its session has. Not SET LOCAL and the like, which end with their
    /// transaction.
    /// </summary>
    public static bool IsSetting(ScriptStatement statement, ReadOnlySpan<byte> text) =>
        !statement.HasParts && statement.Tag is ("SET" or "RESET" or "SELECT" or "DISCARD ALL")
        && text.Length <= LongestSetting
        && Setting().IsMatch(Encoding.Latin1.GetString(text));

    // Of SELECT only what pg_dump writes: a call with nothing but literals.
    [GeneratedRegex(
        @"^(re)?set\s+(?!(local|transaction|constraints)\b)|^discard\s+all$"
        + @"|^select\s+(pg_catalog\s*\.\s*)?set_config\s*\(\s*'[^'\\]*'\s*,\s*'[^'\\]*'\s*,\s*false\s*\)$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Setting();
}

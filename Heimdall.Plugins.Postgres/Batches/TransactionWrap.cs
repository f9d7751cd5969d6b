using System.Text;
using System.Text.RegularExpressions;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Follows a BEGIN before all but settings, and a COMMIT behind all. They are what one transaction does anyway, so that
/// neither is sent.
/// </summary>
/// <remarks>
/// Nothing is left out but a text that is BEGIN or COMMIT and no more, as the server would be sent it. So the run asks
/// again what the check has asked, and needs nothing of the check: whatever the check has taken a script for, a
/// statement with another text is sent.
/// </remarks>
internal sealed partial class TransactionWrap
{
    /// <summary>Why a script that is one transaction does not connect behind its first statements.</summary>
    public const string ConnectsTooLate =
        @"\connect begins a new session, and all is one transaction: put it before all but settings, or use "
        + "transaction: none.";

    /// <summary>No BEGIN or COMMIT without options is longer.</summary>
    private const int LongestText = 1000;

    private bool _hasOther;
    private ScriptStatement? _begin;
    private ScriptStatement? _commit;

    /// <summary>
    /// Whether the session can still be made what a new one would be: nothing has come but settings, and what a dump
    /// says of its database before it connects to that.
    /// </summary>
    public bool MayConnect { get; private set; } = true;

    /// <summary>Why the script does not keep to it: something stands behind the COMMIT; null while it does.</summary>
    public JobFailure? Problem { get; private set; }

    /// <summary>The same of a script that has been read to its end.</summary>
    public JobFailure? ProblemAtEnd =>
        _begin is not null && _commit is null ? SingleTransactionPolicy.Refuse(_begin) : Problem;

    /// <summary>Asked once for each statement that would be sent, in order.</summary>
    /// <returns>Whether it is the BEGIN or the COMMIT.</returns>
    public bool Takes(ScriptStatement statement, ReadOnlySpan<byte> text)
    {
        MayConnect &= ScriptResumption.IsSetting(statement, text)
            || statement is
            {
                HasParts: false,
                Rows: RowUse.None,
                Tag: "SET" or "RESET" or "CREATE DATABASE" or "ALTER DATABASE" or "COMMENT" or "GRANT" or "REVOKE",
            };
        if (_commit is not null)
        {
            Problem ??= SingleTransactionPolicy.Refuse(_commit);
            return false;
        }

        if (_begin is null && !_hasOther && IsAlone(statement, text, BlockStep.Begin) && Begin().IsMatch(Read(text)))
        {
            _begin = statement;
            return true;
        }

        if (_begin is not null && IsAlone(statement, text, BlockStep.End) && Commit().IsMatch(Read(text)))
        {
            _commit = statement;
            return true;
        }

        _hasOther |= statement.HasParts || statement.Tag is not ("SET" or "RESET");
        return false;
    }

    private static bool IsAlone(ScriptStatement statement, ReadOnlySpan<byte> text, BlockStep step) =>
        statement is { HasParts: false, Rows: RowUse.None, Values: null } && statement.Step == step
        && text.Length <= LongestText;

    private static string Read(ReadOnlySpan<byte> text) => Encoding.Latin1.GetString(text);

    [GeneratedRegex(
        @"\A(begin([ \t\r\n\f\v]+(work|transaction))?|start[ \t\r\n\f\v]+transaction)\z",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Begin();

    [GeneratedRegex(
        @"\A(commit|end)([ \t\r\n\f\v]+(work|transaction))?\z",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Commit();
}

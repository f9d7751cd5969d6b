using System.Text.RegularExpressions;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>
/// Tells in which lines of a script statements seem to begin, for a mark beside the one that runs. It knows comments of
/// one line, and the tags of dollar quotes. The run log, which is exact, sets it right.
/// </summary>
internal sealed partial class StatementStarts
{
    private bool _isBetween = true;
    private string? _tag;

    /// <param name="line">The next line.</param>
    /// <param name="isKnown">Whether the run log says that a statement begins there.</param>
    public bool IsStart(string line, bool isKnown)
    {
        var text = _tag is null && line.IndexOf("--", StringComparison.Ordinal) is >= 0 and var comment && !line[..comment].Contains('\'')
            ? line[..comment].Trim()
            : line.Trim();
        if (isKnown)
        {
            (_isBetween, _tag) = (true, null);
        }
        if (text.Length == 0)
        {
            return isKnown;
        }
        var isStart = _isBetween;
        foreach (Match tag in Tag().Matches(text))
        {
            _tag = _tag is null ? tag.Value : _tag == tag.Value ? null : _tag;
        }
        _isBetween = _tag is null && text.EndsWith(';');
        return isStart;
    }

    [GeneratedRegex(@"\$(?:[A-Za-z_][A-Za-z0-9_]*)?\$", RegexOptions.CultureInvariant)]
    private static partial Regex Tag();
}

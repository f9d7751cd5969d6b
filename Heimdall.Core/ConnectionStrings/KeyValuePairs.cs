using System.Text;
using System.Text.RegularExpressions;

namespace Heimdall.Core.ConnectionStrings;

/// <summary>Reads libpq's <c>host=h password='it''s'</c>: pairs parted by white space, single quotes, backslash escapes.</summary>
internal static partial class KeyValuePairs
{
    /// <summary>The pairs, or null when the text is not of this form but of Npgsql's.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>>? TryRead(string text)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        var at = 0;
        while (SkipBlank(text, ref at))
        {
            var equals = text.IndexOf('=', at);
            if (equals < 0)
            {
                return null;
            }

            var name = text[at..equals].TrimEnd();
            at = equals + 1;
            var value = ReadValue(text, ref at, out var isQuoted);

            // "host=h;Database=d" would be one pair here: a semicolon and a further name say that Npgsql is meant.
            if (value is null || (pairs.Count == 0 && !LibpqOptions.IsKnown(name)) || (!isQuoted && NextKeyword().IsMatch(value)))
            {
                return null;
            }

            pairs.Add(new(name, value));
        }

        return pairs;
    }

    private static bool SkipBlank(string text, ref int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }

        return at < text.Length;
    }

    private static string? ReadValue(string text, ref int at, out bool isQuoted)
    {
        isQuoted = false;
        if (!SkipBlank(text, ref at))
        {
            return "";
        }

        isQuoted = text[at] == '\'';
        at += isQuoted ? 1 : 0;
        var value = new StringBuilder();
        for (; at < text.Length; at++)
        {
            if (isQuoted ? text[at] == '\'' : char.IsWhiteSpace(text[at]))
            {
                at++;
                return value.ToString();
            }

            if (text[at] == '\\' && at + 1 < text.Length)
            {
                at++;
            }

            value.Append(text[at]);
        }

        return isQuoted ? null : value.ToString();
    }

    [GeneratedRegex(@";\s*(\w[\w ]*=|$)")]
    private static partial Regex NextKeyword();
}

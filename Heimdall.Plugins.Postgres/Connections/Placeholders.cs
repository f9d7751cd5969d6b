using System.Text.RegularExpressions;
using Heimdall.Plugins.Postgres.Errors;

namespace Heimdall.Plugins.Postgres.Connections;

/// <summary>
/// Finds <c>$1</c> in a statement, outside of strings, quoted names, comments and dollar quotes. By the extended protocol the server
/// would take it for a parameter; a plain statement has none, and psql gets "there is no parameter $1".
/// </summary>
internal static partial class Placeholders
{
    public static PlaceholderException? Find(string sql, bool standardConformingStrings)
    {
        if (!Candidate().IsMatch(sql) || OwnsItsParameters().IsMatch(sql))
        {
            return null;
        }

        for (var at = 0; at < sql.Length;)
        {
            if (sql.AsSpan(at).StartsWith("/*"))
            {
                at = EndOfComment(sql, at);
                continue;
            }

            var token = (standardConformingStrings ? Token() : TokenWithBackslashes()).Match(sql, at);
            if (token.Groups["number"] is { Success: true } number)
            {
                return new PlaceholderException(number.Value, Characters(sql.AsSpan(0, at)) + 1);
            }

            at += Math.Max(1, token.Length);
        }

        return null;
    }

    private static int EndOfComment(string sql, int at)
    {
        var depth = 0;
        do
        {
            var (isOpen, isClose) = (sql.AsSpan(at).StartsWith("/*"), sql.AsSpan(at).StartsWith("*/"));
            depth += isOpen ? 1 : isClose ? -1 : 0;
            at += isOpen || isClose ? 2 : 1;
        }
        while (depth > 0 && at < sql.Length);

        return at;
    }

    private static int Characters(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes())
        {
            count++;
        }

        return count;
    }

    [GeneratedRegex(@"\$[0-9]")]
    private static partial Regex Candidate();

    // The bodies of these are read later, with parameters of their own.
    [GeneratedRegex(@"^(\s|--[^\n]*\n|/\*([^*]|\*(?!/))*\*/)*(create\s+(or\s+replace\s+)?(function|procedure)|prepare)\b", RegexOptions.IgnoreCase)]
    private static partial Regex OwnsItsParameters();

    private const string Tokens = """|"[^"]*"?|--[^\n]*|\$(?<tag>([A-Za-z_\u0080-\uffff][A-Za-z_0-9\u0080-\uffff]*)?)\$(?s:.*?)(\$\k<tag>\$|\z)|[A-Za-z_\u0080-\uffff][A-Za-z_0-9$\u0080-\uffff]*|\$(?<number>[0-9]+)|[^'"$/A-Za-z_\u0080-\uffff-]+)""";

    [GeneratedRegex(@"\G([eE]'(\\.|[^'\\])*'?|'[^']*'?" + Tokens, RegexOptions.Singleline)]
    private static partial Regex Token();

    [GeneratedRegex(@"\G([uU]&'[^']*'?|[eE]?'(\\.|[^'\\])*'?" + Tokens, RegexOptions.Singleline)]
    private static partial Regex TokenWithBackslashes();
}

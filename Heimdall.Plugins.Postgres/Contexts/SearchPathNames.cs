using System.Text;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>
/// Splits a search path as the server does: names between commas, in quotes or else in lower case. Each is then sent in
/// quotes, so that nothing but a list of names reaches the server.
/// </summary>
internal static class SearchPathNames
{
    /// <returns>The names as the server would have them; null when the text is no list of names.</returns>
    public static IReadOnlyList<string>? Read(string text)
    {
        var names = new List<string>();
        var at = SkipSpace(text, 0);
        if (at == text.Length)
        {
            return names;
        }

        while (true)
        {
            if (ReadName(text, ref at) is not { } name)
            {
                return null;
            }

            names.Add(name);
            at = SkipSpace(text, at);
            if (at == text.Length)
            {
                return names;
            }

            if (text[at] != ',')
            {
                return null;
            }

            at = SkipSpace(text, at + 1);
        }
    }

    private static string? ReadName(string text, ref int at)
    {
        if (at < text.Length && text[at] == '"')
        {
            return ReadQuoted(text, ref at);
        }

        var start = at;
        while (at < text.Length && text[at] is not (',' or '"') && !IsSpace(text[at]))
        {
            at++;
        }

        return at == start ? null : string.Create(at - start, (text, start), static (name, source) =>
        {
            for (var i = 0; i < name.Length; i++)
            {
                var c = source.text[source.start + i];
                name[i] = char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c;
            }
        });
    }

    private static string? ReadQuoted(string text, ref int at)
    {
        var name = new StringBuilder();
        while (++at < text.Length)
        {
            if (text[at] != '"')
            {
                name.Append(text[at]);
            }
            else if (at + 1 < text.Length && text[at + 1] == '"')
            {
                name.Append(text[++at]);
            }
            else
            {
                at++;
                return name.ToString();
            }
        }

        return null;
    }

    private static int SkipSpace(string text, int at)
    {
        while (at < text.Length && IsSpace(text[at]))
        {
            at++;
        }

        return at;
    }

    private static bool IsSpace(char c) => c is ' ' or '\t' or '\n' or '\r' or '\f' or '\v';
}

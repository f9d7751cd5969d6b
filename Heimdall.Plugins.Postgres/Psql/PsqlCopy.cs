namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>
/// A <c>\copy</c>: a COPY whose data are the client's. https://www.postgresql.org/docs/current/app-psql.html
/// </summary>
/// <param name="Sql">What the server is sent.</param>
/// <param name="IsFrom">Whether rows come in.</param>
/// <param name="File">Where they come from; null when they follow in the script.</param>
internal sealed record PsqlCopy(string Sql, bool IsFrom, string? File)
{
    // Those of ASCII alone: a character beyond it is a byte of a name or a value, whatever it looks like.
    private static readonly char[] _blanks = [' ', '\t', '\r', '\n', '\f', '\v'];

    /// <param name="line">What stands behind the command, with one character for each byte.</param>
    /// <param name="refusal">Why it is not done.</param>
    /// <returns>Null when it is not done.</returns>
    public static PsqlCopy? Read(string line, out string? refusal)
    {
        refusal = null;
        if (FindDirection(line) is not var (at, isFrom) || at < 0)
        {
            refusal = @"\copy needs a table or a query in parentheses, and FROM or TO behind it.";
            return null;
        }

        var rest = line[(at + (isFrom ? 4 : 2))..].TrimStart(_blanks);
        var (word, isQuoted, length) = TakeWord(rest);
        var options = rest[length..];
        var what = isQuoted ? "file" : word.ToUpperInvariant() switch
        {
            "PROGRAM" => "program",
            "PSTDIN" or "PSTDOUT" => "terminal",
            "STDIN" or "STDOUT" => "script",
            _ => "file",
        };
        refusal = (isFrom, what) switch
        {
            _ when length == 0 => @"\copy needs a file, or stdin or stdout.",
            (_, "program") => @"\copy … program would run a shell: give the data in a file below sql_directory.",
            (_, "terminal") =>
                @"\copy … pstdin and pstdout are psql's own: put the data into the script, with from stdin.",
            (false, "file") => @"\copy … to a file writes one: run the query as a job with return_result: true.",
            _ => null,
        };
        if (refusal is not null)
        {
            return null;
        }

        var sql = $"COPY {line[..at].Trim(_blanks)} {(isFrom ? "FROM STDIN" : "TO STDOUT")} {options.Trim(_blanks)}"
            .TrimEnd(_blanks);
        return new PsqlCopy(sql, isFrom, what == "file" ? word : null);
    }

    /// <summary>FROM or TO outside of quotes and parentheses, behind a first word.</summary>
    private static (int At, bool IsFrom)? FindDirection(string line)
    {
        var (depth, words, isAfterDot) = (0, 0, false);
        for (var at = 0; at < line.Length;)
        {
            var c = line[at];
            if (c is '\'' or '"')
            {
                var end = line.IndexOf(c, at + 1);
                at = end < 0 ? line.Length : end + 1;
                (words, isAfterDot) = (words + 1, false);
            }
            else if (IsOfWord(c))
            {
                var start = at;
                while (at < line.Length && (IsOfWord(line[at]) || line[at] == '$'))
                {
                    at++;
                }

                var word = line[start..at];
                var isFrom = word.Equals("from", StringComparison.OrdinalIgnoreCase);
                if (depth == 0 && words > 0 && !isAfterDot
                    && (isFrom || word.Equals("to", StringComparison.OrdinalIgnoreCase)))
                {
                    return (start, isFrom);
                }

                (words, isAfterDot) = (words + 1, false);
            }
            else
            {
                depth += c == '(' ? 1 : c == ')' ? -1 : 0;
                words += c == ')' ? 1 : 0;
                isAfterDot = c == '.' || (isAfterDot && _blanks.Contains(c));
                at++;
            }
        }

        return null;
    }

    private static bool IsOfWord(char c) => char.IsAsciiLetterOrDigit(c) || c == '_' || !char.IsAscii(c);

    /// <returns>A word up to a blank or a semicolon, or what stands in single quotes.</returns>
    private static (string Word, bool IsQuoted, int Length) TakeWord(string text)
    {
        if (!text.StartsWith('\''))
        {
            var length = text.IndexOfAny([.. _blanks, ';']);
            var word = length < 0 ? text : text[..length];
            return (word, false, word.Length);
        }

        var read = new System.Text.StringBuilder();
        var at = 1;
        while (at < text.Length && (text[at] != '\'' || (at + 1 < text.Length && text[at + 1] == '\'')))
        {
            at += text[at] == '\'' ? 1 : 0;
            read.Append(text[at++]);
        }

        return (read.ToString(), true, Math.Min(text.Length, at + 1));
    }
}

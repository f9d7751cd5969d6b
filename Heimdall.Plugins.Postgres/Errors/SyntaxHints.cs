using System.Text.RegularExpressions;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Errors;

/// <summary>
/// What is right where the server finds a syntax error in what is no SQL, but nearly how Heimdall would have it said.
/// </summary>
internal static partial class SyntaxHints
{
    /// <param name="error">The server's.</param>
    /// <param name="text">The statement.</param>
    public static string? Find(PostgresException error, string text)
    {
        if (error.SqlState != PostgresErrorCodes.SyntaxError)
        {
            return null;
        }
        if (OneWord().Match(text) is { Success: true } word)
        {
            return $"Should a script be meant: its path ends in .sql, as in {word.Groups["word"].Value}.sql.";
        }
        return Variable().Match(text) is { Success: true } name
            ? $"Should :{name.Groups["name"].Value} stand for a value: a query has it in parameters, "
                + $"as in {{\"{name.Groups["name"].Value}\": 1}}, and a batch in variables."
            : null;
    }

    [GeneratedRegex(@"\A\s*(?<word>[A-Za-z0-9_][A-Za-z0-9_./-]{0,99})\s*;?\s*\z")]
    private static partial Regex OneWord();

    // Not a cast (::), a slice of an array (a[1:n]) or an assignment (:=).
    [GeneratedRegex(@"(?<![:\w\]])[:](?<name>[A-Za-z_][A-Za-z0-9_]{0,62})")]
    private static partial Regex Variable();
}

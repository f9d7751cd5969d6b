using System.Text;
using System.Text.RegularExpressions;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Recognizes a CREATE DATABASE of the database that the session is in. The server could only refuse it, because that
/// database is there as long as the session is.
/// </summary>
internal static partial class OwnDatabase
{
    /// <summary>With all its options a CREATE DATABASE is not longer.</summary>
    private const int LongestText = 4096;

    /// <param name="statement">A statement.</param>
    /// <param name="text">As the server would be sent it.</param>
    /// <param name="database">The name of the session's database; null when it is not known.</param>
    public static bool IsCreatedBy(ScriptStatement statement, ReadOnlySpan<byte> text, string? database)
    {
        if (statement is not { Tag: "CREATE DATABASE", HasParts: false, CanBeParsed: true, Rows: RowUse.None }
            || database is null || text.Length > LongestText
            || Create().Match(Encoding.UTF8.GetString(text)) is not { Success: true } match)
        {
            return false;
        }

        var quoted = match.Groups["quoted"];
        var name = quoted.Success
            ? quoted.Value.Replace("\"\"", "\"", StringComparison.Ordinal)
            : match.Groups["plain"].Value.ToLowerInvariant();
        return name == database;
    }

    // Plain names of ASCII alone: how others are folded depends on the server's locale.
    [GeneratedRegex(
        @"\A[Cc][Rr][Ee][Aa][Tt][Ee][ \t\r\n\f\v]+[Dd][Aa][Tt][Aa][Bb][Aa][Ss][Ee][ \t\r\n\f\v]+"
        + @"(""(?<quoted>([^""]|"""")+)""|(?<plain>[A-Za-z_][A-Za-z0-9_$]*))([ \t\r\n\f\v]|\z)")]
    private static partial Regex Create();
}

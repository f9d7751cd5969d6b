using System.Text.RegularExpressions;

namespace Heimdall.Core.Configuration;

/// <summary>
/// A pattern of <c>allowed_callers</c> or of users, matched whole. Without backtracking its time grows with the user's
/// name only, so it needs no deadline.
/// </summary>
public static class CallerPattern
{
    private const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;

    public static Regex Compile(string pattern) => new($@"\A(?:{pattern})\z", Options);

    /// <returns>What is wrong with a pattern, or null.</returns>
    internal static string? FindProblem(string pattern)
    {
        try
        {
            // By itself too: the brackets around it could complete what is no pattern.
            _ = new Regex(pattern, Options);
            _ = Compile(pattern);
            return string.IsNullOrWhiteSpace(pattern) ? "must be a regular expression" : null;
        }
        catch (ArgumentException)
        {
            return "must be a regular expression";
        }
        catch (NotSupportedException)
        {
            return "must do without what needs backtracking: lookarounds, backreferences, atomic groups and conditions";
        }
    }
}

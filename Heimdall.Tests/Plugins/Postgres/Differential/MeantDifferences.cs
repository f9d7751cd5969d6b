using System.Text;
using System.Text.RegularExpressions;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>
/// All the places where Heimdall is meant to do something else than psql. Anything that is not here and differs is a fault, or one that
/// its file in the corpus owns up to.
/// </summary>
/// <remarks>
/// 1. Refused: in <c>single</c> BEGIN, COMMIT, ROLLBACK and PREPARE TRANSACTION, unless they only wrap the whole; in
///    every mode what reaches beyond the script (files, programs, people) and a quote or comment that the script leaves
///    open. psql would run them, or take no notice; with Heimdall nothing of the script runs. A script says where the
///    first of it is (<see cref="DifferentialScript.RefusedAt"/>), and psql gets <see cref="Nothing"/>.
/// 2. <c>\.</c> where no data are to be ended: both leave it out and go on if told to continue, but only psql calls it an error of
///    the script. Where the first error is the end, Heimdall refuses it.
/// 3. A psql before 18 sends the <c>\.</c> behind CSV data. A server from 18 on takes it for a row, and such scripts are left out
///    there (<see cref="ReadsCsv"/>).
/// </remarks>
internal static partial class MeantDifferences
{
    /// <summary>In place of a SQLSTATE: Heimdall does not run this.</summary>
    public const string Refused = "refused";

    /// <summary>In place of a SQLSTATE: psql met a <c>\.</c> where no data are to be ended.</summary>
    public const string StrayEndOfData = @"\.";

    /// <summary>In place of a SQLSTATE: any other error of psql itself. No script should come to that.</summary>
    public const string PsqlsOwn = "psql's own";

    /// <summary>The script for psql when Heimdall runs nothing: one error, which stands for the refusal.</summary>
    public static byte[] Nothing { get; } = "the end;\n"u8.ToArray();

    /// <summary>What stands for an error of psql's own; those of its commands are Heimdall's as well.</summary>
    public static string OwnErrorOf(string message) => message switch
    {
        @"invalid command \." => StrayEndOfData,
        _ when message.Contains("returned for \\gset", StringComparison.Ordinal)
            || message.StartsWith("invalid variable name", StringComparison.Ordinal)
            || message.StartsWith("unrecognized value", StringComparison.Ordinal) => Refused,
        _ => PsqlsOwn,
    };

    /// <summary>What psql says of a script that Heimdall does not run.</summary>
    public static ScriptOutcome AsRefused(ScriptOutcome psql, byte[] script, int length)
    {
        var line = 1 + script.AsSpan(0, length).Count((byte)'\n');
        return psql.Errors.Count == 1
            ? psql with { Errors = [new ScriptError(Refused, line)] }
            : psql;
    }

    /// <summary>Whether a script has a COPY that reads CSV data from it.</summary>
    public static bool ReadsCsv(byte[] script) => CopyCsv().IsMatch(Encoding.Latin1.GetString(script));

    /// <summary>Which of psql's errors Heimdall is to have as well.</summary>
    public static IEnumerable<ScriptError> Shared(ScriptOutcome psql, ScriptMode mode) =>
        psql.Errors.Where(error => mode != ScriptMode.Continue || error.State != StrayEndOfData);

    public static bool IsSame(ScriptError psql, ScriptError heimdall) =>
        psql.State == heimdall.State || (psql.State == StrayEndOfData && heimdall.State == Refused);

    // A semicolon in a comment or a quoted name does not end the statement.
    [GeneratedRegex(
        """
        \bcopy\b(?>--[^\n]*|/\*.*?\*/|"[^"]*"|[^;"])*?
        \bfrom\b(?>--[^\n]*|/\*.*?\*/|"[^"]*"|[^;"])*?\bstd(?:in|out)\b
        (?>--[^\n]*|/\*.*?\*/|"[^"]*"|[^;"])*?\bcsv\b
        """,
        RegexOptions.IgnoreCase | RegexOptions.Singleline | RegexOptions.IgnorePatternWhitespace
            | RegexOptions.ExplicitCapture)]
    private static partial Regex CopyCsv();
}

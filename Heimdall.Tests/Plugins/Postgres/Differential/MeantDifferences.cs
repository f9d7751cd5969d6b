using System.Text;
using System.Text.RegularExpressions;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>
/// All the places where Heimdall is meant to do something else than psql. Anything that is not here and differs is a fault, or one that
/// its file in the corpus owns up to.
/// </summary>
/// <remarks>
/// 1. Refused: in <c>single</c> BEGIN, COMMIT, ROLLBACK and PREPARE TRANSACTION; in every mode backslash commands and a quote or comment
///    that the script leaves open. psql would run them, or take no notice; with Heimdall the job ends there. A script says where that is
///    (<see cref="DifferentialScript.RefusedAt"/>), and psql gets what stands before it and then <see cref="Sentinel"/>.
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

    /// <summary>Makes psql forget the statement that it has begun to read, and then fail, also in a transaction that has failed.</summary>
    private static ReadOnlySpan<byte> Sentinel => "\n\\r\nthe end;\n"u8;

    /// <summary>The script for psql when Heimdall goes no further than to <paramref name="length"/>.</summary>
    public static byte[] RefuseAt(byte[] script, int length) => [.. script.AsSpan(0, length), .. Sentinel];

    /// <summary>What psql says of a script that was cut: its last error, should it have come to the sentinel, stands for the refusal.</summary>
    public static ScriptOutcome AsRefused(ScriptOutcome psql, byte[] script, int length)
    {
        var sentinelLine = 3 + script.AsSpan(0, length).Count((byte)'\n');
        return psql.Errors is [.., { Line: var line }] && line == sentinelLine
            ? psql with { Errors = [.. psql.Errors.SkipLast(1), new ScriptError(Refused, Line: null)] }
            : psql;
    }

    /// <summary>Whether a script has a COPY that reads CSV data from it.</summary>
    public static bool ReadsCsv(byte[] script) => CopyCsv().IsMatch(Encoding.Latin1.GetString(script));

    /// <summary>Which of psql's errors Heimdall is to have as well.</summary>
    public static IEnumerable<ScriptError> Shared(ScriptOutcome psql, ScriptMode mode) =>
        psql.Errors.Where(error => mode != ScriptMode.Continue || error.State != StrayEndOfData);

    public static bool IsSame(ScriptError psql, ScriptError heimdall) =>
        psql.State == heimdall.State || (psql.State == StrayEndOfData && heimdall.State == Refused);

    [GeneratedRegex(@"\bcopy\b[^;]*\bfrom\s+std(?:in|out)\b[^;]*\bcsv\b", RegexOptions.IgnoreCase)]
    private static partial Regex CopyCsv();
}
